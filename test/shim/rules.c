#define _GNU_SOURCE
#include "rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared_state.h"

#define MAX_RULES 32

struct rule {
  char function[40];
  unsigned long nth; /* 0: each call */
  int and_later;
  double probability; /* 0: by count */
  struct fault fault;
  int once;
  unsigned long calls;
};

static const struct {
  const char *name;
  enum action action;
  int has_argument;
  int after; /* it has nothing to do before there is an answer */
} ACTIONS[] = {
    {"sleep", ACTION_SLEEP, 1, 0},       {"hang", ACTION_HANG, 0, 0},     {"abort", ACTION_ABORT, 0, 0},
    {"segfault", ACTION_SEGFAULT, 0, 0}, {"return", ACTION_RETURN, 1, 0}, {"flip", ACTION_FLIP, 1, 1},
    {"truncate", ACTION_TRUNCATE, 1, 1}, {"garble", ACTION_GARBLE, 0, 1}, {"drop", ACTION_DROP, 0, 0},
    {"logout", ACTION_LOGOUT, 0, 0},     {"remove", ACTION_REMOVE, 1, 0}, {"flags", ACTION_FLAGS, 1, 1},
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[MAX_RULES];
static size_t rule_count;
static struct conditions current;
static uint64_t draws;
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
  struct network *network = &current.network;
  network->milliseconds = number(rest, "network lacks its milliseconds");
  network->at_once = (unsigned)number(rest, "network lacks how many calls there are at once");
  network->sessions = (unsigned)number(rest, "network lacks its number of sessions");
  if (network->at_once == 0 || network->at_once > MAX_AT_ONCE) refuse("network has an impossible number of calls at once");
}

static void parse_pin(char **rest) { current.pin_tries = (unsigned)number(rest, "pin lacks its number of tries"); }
static void parse_seed(char **rest) { current.seed = (uint64_t)number(rest, "seed lacks its number"); }

static void parse_absent(char **rest) {
  (void)rest;
  current.is_absent = 1;
}

static void parse_log(char **rest) {
  (void)rest;
  current.is_logged = 1;
}

static const struct {
  const char *name;
  void (*parse)(char **rest);
} CONDITIONS[] = {
    {"network", parse_network}, {"pin", parse_pin}, {"seed", parse_seed}, {"absent", parse_absent}, {"log", parse_log},
};

static void parse_action(struct fault *fault, char **rest) {
  const char *name = word(rest);
  fault->after = name != NULL && strcmp(name, "after") == 0;
  if (fault->after) name = word(rest);
  if (name == NULL) refuse("a rule is too short");
  for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
    if (strcmp(name, ACTIONS[i].name) != 0) continue;
    fault->action = ACTIONS[i].action;
    fault->after |= ACTIONS[i].after;
    if (!ACTIONS[i].has_argument) return;
    const char *argument = word(rest);
    if (argument == NULL) refuse("an action lacks its argument");
    fault->argument = strcmp(argument, "?") == 0 ? ANY : strtoul(argument, NULL, 0);
    return;
  }
  refuse("a rule names an unknown action");
}

/* Which of the calls it is: 3, 3+, * or p=0.01. */
static void parse_occasion(struct rule *rule, const char *given) {
  char *end = NULL;
  if (strcmp(given, "*") == 0) return;
  if (strncmp(given, "p=", 2) == 0) {
    rule->probability = strtod(given + 2, &end);
    if (*end != '\0' || rule->probability <= 0 || rule->probability > 1) refuse("a rule has an impossible probability");
    return;
  }
  rule->nth = strtoul(given, &end, 10);
  rule->and_later = *end == '+';
  if (rule->nth == 0) refuse("a rule names an impossible call");
}

static void parse_rule(const char *function, char **rest) {
  const char *occasion = word(rest);
  if (occasion == NULL) refuse("a rule is too short");
  if (rule_count == MAX_RULES) refuse("there are too many rules");
  struct rule *rule = &rules[rule_count++];
  memset(rule, 0, sizeof *rule);
  snprintf(rule->function, sizeof rule->function, "%s", function);
  parse_occasion(rule, occasion);
  parse_action(&rule->fault, rest);
  const char *last = word(rest);
  if (last != NULL && strcmp(last, "once") != 0) refuse("a rule ends in an unknown word");
  rule->once = last != NULL;
}

static void parse_line(char *line) {
  char *rest = NULL;
  const char *first = strtok_r(line, " \t\n", &rest);
  if (first == NULL || *first == '#') return;
  for (size_t i = 0; i < sizeof CONDITIONS / sizeof *CONDITIONS; i++) {
    if (strcmp(first, CONDITIONS[i].name) != 0) continue;
    CONDITIONS[i].parse(&rest);
    return;
  }
  parse_rule(first, &rest);
}

/* Reads the rules anew when the file is another than the one read last. The counts start again with it. */
static void look_at_control_file(void) {
  struct stat now;
  const int there = stat(control, &now) == 0;
  if (there && now.st_ino == seen.st_ino && now.st_size == seen.st_size && now.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
    return;
  rule_count = 0;
  memset(&current, 0, sizeof current);
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

/* splitmix64 over the seed, the instance and how many have been drawn: a seed gives each instance its own, and the same again. */
static uint64_t draw(void) {
  uint64_t mixed = current.seed * 0x9e3779b97f4a7c15u + ((uint64_t)instance_number() << 40) + ++draws * 0xd1b54a32d192ed03u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

static int is_met(struct rule *rule, const char *function) {
  if (strcmp(rule->function, "*") != 0 && strcmp(rule->function, function) != 0) return 0;
  rule->calls++;
  if (rule->probability > 0) return (double)(draw() >> 11) * 0x1p-53 < rule->probability;
  return rule->nth == 0 || rule->calls == rule->nth || (rule->and_later && rule->calls > rule->nth);
}

struct fault fault_for(const char *function, struct conditions *conditions) {
  struct fault fault = {ACTION_NONE, 0, 0, 0};
  pthread_mutex_lock(&lock);
  look_at_control_file();
  *conditions = current;
  for (size_t i = 0; i < rule_count; i++) {
    struct rule *rule = &rules[i];
    if (!is_met(rule, function) || (rule->once && !claim_file())) continue;
    fault = rule->fault;
    if (fault.argument == ANY || fault.action == ACTION_GARBLE) fault.random = draw();
    break;
  }
  pthread_mutex_unlock(&lock);
  return fault;
}
