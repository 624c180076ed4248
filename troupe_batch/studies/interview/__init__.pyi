from troupe_batch.studies.interview.runner import InterviewStudy as InterviewStudy
from troupe_batch.studies.interview.spec import InterviewLine as InterviewLine
from troupe_batch.studies.interview.spec import InterviewSpec as InterviewSpec
