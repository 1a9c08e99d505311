import numpy as np
import pandas as pd

from burnish.tasks.smoothing import running_average


def test_it_is_pandas_adjusted_average():
    values = np.random.default_rng(0).random(30)
    wanted = pd.Series(values).ewm(alpha=0.3, adjust=True).mean()
    np.testing.assert_allclose(running_average(values.tolist(), 0.7), wanted)
