"""Results -> terminal and JSON.

`pages` is what a terminal shows, in tables that `tables` fits to it; `document` what a JSON document holds; `written` a
file that is written whole; `terminal` how it all is printed, `refusal` what is wrong with a command line, `interrupts`
how Ctrl-C is heard.
"""
