"""Use cases of releases: plan, apply, roll back, record.

What must stay true: nothing moves a ``live`` alias before every version of the release is Active and the row says
``published``; every write to the cloud is guarded by a revision that was read after our token was written, or is
first-wins; a function that does not carry our owner tag is never touched.
"""
