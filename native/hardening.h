// What a process that holds plaintext in passing gives up.
#ifndef STRONGROOM_HARDENING_H_
#define STRONGROOM_HARDENING_H_

namespace strongroom {

/// No core dumps, no ptrace by others (not dumpable), no new privileges, and large blocks go back to the system as soon as
/// they are freed. False when one of the first three could not be had.
bool hardenProcess();

}  // namespace strongroom

#endif  // STRONGROOM_HARDENING_H_
