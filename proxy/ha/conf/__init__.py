"""keepalived.conf: source → lines → grammar → keyword table → model.

    lines     files, comments, `include`, `$PARAMETER`, `@id`, `~SEQ`; what is left is text, and where each line came from
    grammar   words and braces → blocks (grammar/keepalived.lark)
    keywords  one table: which keyword may stand in which block, and how its words are read
    load      blocks through the table into drafts, drafts into the model; checks that need the whole file

Nothing here is fatal to the daemon but a file that cannot be read: what is wrong becomes a warning with its place, a caret and
what to write instead, and the line has no effect, as in keepalived. `model` and `routing` import nothing heavy: the daemon holds
them, while lark and the table live only in the process that reads the file.
"""
