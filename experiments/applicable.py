"""When an experiment cannot be made of what is at hand."""

from __future__ import annotations


class NotApplicable(ValueError):
    """These models, images or stored results cannot give this experiment; the text says why and what to do.

    An error where the experiment was named; among several it is left out, which the end of the run tells.
    """
