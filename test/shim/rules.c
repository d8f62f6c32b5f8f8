#define _GNU_SOURCE
#include "rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "network.h"

#define MAX_RULES 32

struct rule {
  char function[40];
  unsigned long nth; /* 0: each call */
  int and_later;
  struct fault fault;
  int once;
  unsigned long calls;
};

static const struct {
  const char *name;
  enum action action;
  int has_argument;
} ACTIONS[] = {
    {"sleep", ACTION_SLEEP, 1},   {"hang", ACTION_HANG, 0},   {"abort", ACTION_ABORT, 0},
    {"return", ACTION_RETURN, 1}, {"flags", ACTION_FLAGS, 1},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[MAX_RULES];
static size_t rule_count;
static struct network far_away;
static struct stat seen;
static char control[PATH_LENGTH];

void refuse(const char *what) {
  fprintf(stderr, "fault_module: %s\n", what);
  abort();
}

void set_control_path(const char *path) { snprintf(control, sizeof control, "%s", path); }

const char *control_path(void) { return control; }

static char *word(char **rest) { return strtok_r(NULL, " \t\n", rest); }

static double number(char **rest, const char *missing) {
  const char *given = word(rest);
  char *end = NULL;
  const double value = given == NULL ? 0 : strtod(given, &end);
  if (given == NULL || *end != '\0' || value < 0) refuse(missing);
  return value;
}

static void parse_network(char **rest) {
  far_away.milliseconds = number(rest, "network lacks its milliseconds");
  far_away.at_once = (unsigned)number(rest, "network lacks how many calls there are at once");
  far_away.sessions = (unsigned)number(rest, "network lacks its number of sessions");
  if (far_away.at_once == 0 || far_away.at_once > MAX_AT_ONCE) refuse("network has an impossible number of calls at once");
}

static void parse_action(struct fault *fault, char **rest) {
  const char *name = word(rest);
  fault->after = name != NULL && strcmp(name, "after") == 0;
  if (fault->after) name = word(rest);
  if (name == NULL) refuse("a rule is too short");
  for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
    if (strcmp(name, ACTIONS[i].name) != 0) continue;
    fault->action = ACTIONS[i].action;
    if (!ACTIONS[i].has_argument) return;
    const char *argument = word(rest);
    if (argument == NULL) refuse("an action lacks its argument");
    fault->argument = strtoul(argument, NULL, 0);
    return;
  }
  refuse("a rule names an unknown action");
}

static void parse_line(char *line) {
  char *rest = NULL;
  const char *first = strtok_r(line, " \t\n", &rest);
  if (first == NULL || *first == '#') return;
  if (strcmp(first, "network") == 0) {
    parse_network(&rest);
    return;
  }
  const char *nth = word(&rest);
  if (nth == NULL) refuse("a rule is too short");
  if (rule_count == MAX_RULES) refuse("there are too many rules");
  struct rule *rule = &rules[rule_count++];
  memset(rule, 0, sizeof *rule);
  snprintf(rule->function, sizeof rule->function, "%s", first);
  char *end = NULL;
  rule->nth = strcmp(nth, "*") == 0 ? 0 : strtoul(nth, &end, 10);
  rule->and_later = end != NULL && *end == '+';
  parse_action(&rule->fault, &rest);
  const char *last = word(&rest);
  if (last != NULL && strcmp(last, "once") != 0) refuse("a rule ends in an unknown word");
  rule->once = last != NULL;
}

/* Reads the rules anew when the file is another than the one read last. The counts start again with it. */
static void look_at_control_file(void) {
  struct stat now;
  const int there = stat(control, &now) == 0;
  if (there && now.st_ino == seen.st_ino && now.st_size == seen.st_size && now.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
    return;
  rule_count = 0;
  memset(&far_away, 0, sizeof far_away);
  memset(&seen, 0, sizeof seen);
  FILE *file = there ? fopen(control, "re") : NULL;
  if (file == NULL) return;
  seen = now;
  char line[256];
  while (fgets(line, sizeof line, file) != NULL) parse_line(line);
  fclose(file);
}

/* True for one process and one call alone, whoever else has reached the rule. */
static int claim_file(void) {
  char fired[PATH_LENGTH + 8];
  snprintf(fired, sizeof fired, "%s.fired", control);
  return rename(control, fired) == 0;
}

struct fault fault_for(const char *function, struct network *network) {
  struct fault fault = {ACTION_NONE, 0, 0};
  pthread_mutex_lock(&lock);
  look_at_control_file();
  *network = far_away;
  for (size_t i = 0; i < rule_count; i++) {
    struct rule *rule = &rules[i];
    if (strcmp(rule->function, function) != 0) continue;
    rule->calls++;
    if (rule->nth != 0 && rule->calls != rule->nth && !(rule->and_later && rule->calls > rule->nth)) continue;
    if (rule->once && !claim_file()) continue;
    fault = rule->fault;
    break;
  }
  pthread_mutex_unlock(&lock);
  return fault;
}
