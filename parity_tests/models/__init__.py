"""What each chapter is run on, the faults planted in its twin, and its claims.

``CHAPTER.py``         what it teaches and trains on; light, no TensorFlow
``CHAPTER_faults.py``  faults that the comparison must catch
``CHAPTER_test.py``    the claims
"""
