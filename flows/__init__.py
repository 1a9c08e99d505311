"""The order of things: Prefect flows, the configuration, the run folder and the command line."""
