"""Everything that goes wrong between us and a model.

    ModelError
    ├── ModelNotReached     the request never arrived                                transient
    ├── ModelTimeout        no whole answer in time                                  transient
    ├── ModelCutOff         the connection broke before the whole answer had come    transient
    ├── ModelFailed         408, 409 or 5xx                                          transient
    ├── ModelThrottled      429                                                      rate_limited
    ├── QuotaExceeded       429 because the account has no money left                permanent
    ├── ModelRefused        any other 4xx: the key, the model's name, the size       permanent
    ├── BudgetHeld          what is left is reserved for calls under way             transient
    ├── BudgetSpent         the call could cost more than is left                    permanent
    └── AnswerUnusable      an answer, but not of the agreed form                    unknown

The class alone decides how an error is classified. No text of the provider is repeated: some quote the key.
"""

from typing import ClassVar

from penstock_contracts.enums import ErrorClassification


class ModelError(Exception):
    """The model could not be asked."""

    classification: ClassVar[ErrorClassification] = ErrorClassification.UNKNOWN
    may_be_charged: ClassVar[bool] = False
    """Whether the provider may want money for it."""

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        self.detail = detail
        self.retry_after = retry_after
        said = (type(self).__doc__ or "").strip()
        super().__init__(f"{said} ({detail})" if detail else said)


class ModelNotReached(ModelError):
    """The model's address cannot be reached."""

    classification = ErrorClassification.TRANSIENT


class ModelTimeout(ModelError):
    """The model did not answer in time."""

    classification = ErrorClassification.TRANSIENT
    may_be_charged = True


class ModelCutOff(ModelError):
    """The connection to the model broke."""

    classification = ErrorClassification.TRANSIENT
    may_be_charged = True


class ModelFailed(ModelError):
    """The model's provider failed."""

    classification = ErrorClassification.TRANSIENT


class ModelThrottled(ModelError):
    """The model's provider wants to be asked less often."""

    classification = ErrorClassification.RATE_LIMITED


class QuotaExceeded(ModelError):
    """The account at the model's provider has no quota left."""

    classification = ErrorClassification.PERMANENT


class ModelRefused(ModelError):
    """The model's provider refuses the request."""

    classification = ErrorClassification.PERMANENT


class BudgetHeld(ModelError):
    """What is left of the model budget is reserved for calls under way."""

    classification = ErrorClassification.TRANSIENT


class BudgetSpent(ModelError):
    """The model budget is spent."""

    classification = ErrorClassification.PERMANENT


class AnswerUnusable(ModelError):
    """The model's answer is not of the agreed form."""

    may_be_charged = True
