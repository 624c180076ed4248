"""Questions as all kinds of studies share them: their forms, options and orders, the reply's schema and its reading."""
