"""The interview study: a scripted conversation with each person, with typed questions and follow-ups."""

from troupe_batch.studies.interview.runner import InterviewStudy
from troupe_batch.studies.interview.spec import InterviewLine, InterviewSpec

__all__ = ["InterviewLine", "InterviewSpec", "InterviewStudy"]
