/** Build step: generates code that is not kept in Git. Filled in by scripts/generate/*. */
