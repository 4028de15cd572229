"""Errors that say, to the person on call, what happened, where, and what to do next."""


class PipelineError(Exception):
    """Any failure that the pipeline understands; its text is a sentence for a person."""


class SettingsError(PipelineError):
    """An environment variable is unknown, missing or out of range."""


class ConfigError(PipelineError):
    """A configuration file can't be used; the text names the file and the key."""


class LandingError(PipelineError):
    """A landing file or day can't be used; the text names it."""


class WithheldError(PipelineError):
    """Something failed near personal data; the text says what and where, and holds no value."""


class GateError(PipelineError):
    """A table failed a critical expectation, so its staged files were not committed."""


class LakeError(PipelineError):
    """The lake doesn't hold what was asked for."""


class StaleError(LakeError):
    """What was built doesn't fit what the lake holds by now; only building again helps."""


class NoModelError(PipelineError):
    """No registered model fits the day and the policy."""


class PublishError(PipelineError):
    """A publication did not happen; the day that was visible before still is."""


class PublishRefusedError(PublishError):
    """A check failed, or a person's revert stands in the way: trying again would not help."""


class StoreAwayError(Exception):
    """The store failed, in a sentence; not for good: trying again may help."""
