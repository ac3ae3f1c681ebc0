"""A measured run of mails through the whole stack, for `haste demo` and `haste bench email`."""
