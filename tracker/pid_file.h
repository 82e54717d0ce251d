#pragma once

// The file that tells other programs which process is the tracker's supervisor, also after an upgrade.

#include "base/util.h"

must_check int pid_file_write(const char *path); // ours, in place of another's. 0 or negative errno
void pid_file_remove(const char *path);          // if it is ours
