"""The dashboard: pages and JSON of one run, served from the daemon's own event loop.

What a page shows is a pure function of the journal's rows (`facts`) and of one look at the market
(`scene`); the functions stand in `views` and know no web framework.
"""
