#ifndef STRONGROOM_DISK_FAULTS_CONTROL_H_
#define STRONGROOM_DISK_FAULTS_CONTROL_H_

/*
 * What the disk is to do. A page of shared memory that the test writes (disk_faults.ts has the same layout), and that all processes with
 * this library count in together.
 */

/* Which errors can come of a call: a disk that is full still lets go of what it has. */
enum call_kind { KIND_FILL, KIND_SYNC, KIND_MAKE, KIND_FREE };

enum outcome { OUTCOME_DONE, OUTCOME_SHORT, OUTCOME_FAILED };

/* One call that changes something below the directory; errno is set where it fails. It counts, and is in the log. */
enum outcome meet(const char *call, enum call_kind kind, const char *path);

/* The same for what is open. */
enum outcome meet_open(const char *call, enum call_kind kind, int file);

/* Of a path as a program gives it, or of an open file: whether it is below the directory. */
int concerns(const char *path);
int concerns_open(int file);

/* Variables that a program must have to be under this library as well; NULL where this process has none. */
const char *const *inherited_variables(void);

#endif  // STRONGROOM_DISK_FAULTS_CONTROL_H_
