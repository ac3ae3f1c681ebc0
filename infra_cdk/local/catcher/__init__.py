"""The SMTP catcher: takes every mail that is sent on the laptop, delivers none, shows them all.

`launch.py` starts it, `__main__.py` is the process, `smtp.py` takes mails, `mails.py` keeps them,
`site.py` answers HTTP and `pages.py` is the HTML.
"""
