"""What is made of a graded batch: tables for a gradebook, a page for every learner, and one for the class.

strangers  names and texts of people we don't know: how they are shown, and what files are called after them
answers    one learner's answers beside what was asked, with their points and where to read again
tally      the room: who stands where, which mistakes were made, what to teach again
roster     who a learner is in Canvas or Moodle
tables     results.csv and grades.csv
report     all of it, written into a folder
"""
