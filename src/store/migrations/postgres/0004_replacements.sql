-- How often a restore has put something else in the place of everything. In a table of its own, because every change looks at it and hardly
-- any moves it: beside what others write, the database would take them for standing in each other's way.

CREATE TABLE replacements (
  count BIGINT NOT NULL CHECK (count >= 0)
);

INSERT INTO replacements (count) VALUES (0);
