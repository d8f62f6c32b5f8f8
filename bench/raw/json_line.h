/* Reads members of one flat JSON object on one line, as the coordinator writes them: no nesting, no escapes. */
#ifndef STRONGROOM_BENCH_JSON_LINE_H
#define STRONGROOM_BENCH_JSON_LINE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the value of a member starts, or NULL. */
static inline const char *json_value(const char *line, const char *name) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", name);
  const char *found = strstr(line, quoted);
  return found == NULL ? NULL : found + strlen(quoted);
}

/* An absent member is an empty text; one that does not fit is cut, and then fails where it is used. */
static inline void json_text(const char *line, const char *name, char *out, size_t capacity) {
  out[0] = '\0';
  const char *value = json_value(line, name);
  if (value == NULL || *value != '"') return;
  size_t length = strcspn(value + 1, "\"");
  if (length >= capacity) length = capacity - 1;
  memcpy(out, value + 1, length);
  out[length] = '\0';
}

static inline long json_number(const char *line, const char *name) {
  const char *value = json_value(line, name);
  return value == NULL ? 0 : strtol(value, NULL, 10);
}

#endif
