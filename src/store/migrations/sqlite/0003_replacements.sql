-- How often a restore has put something else in the place of everything. In a table of its own, because every change looks at it and hardly
-- any moves it.

CREATE TABLE replacements (
  count INTEGER NOT NULL CHECK (count >= 0)
) STRICT;

INSERT INTO replacements (count) VALUES (0);
