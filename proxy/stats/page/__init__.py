"""The statistics page: our own HTML, style and script around the columns, colours and words of HAProxy's.

A row of the page is a fixed template with places ("slots"), each a `<b>` element. The first rendering fills the template; the
script asks for the slots alone (`;json;compact`) and puts the new texts in place. Both come from the same list of cells in
`columns`, so the page and its live updates cannot differ. Every text is escaped where it enters the HTML, and set as text,
never as HTML, by the script.
"""
