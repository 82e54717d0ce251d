#!/usr/bin/python3
"""Runs a program as systemd would by a unit of ops/systemd: tests/system/sandbox.py UNIT PROGRAM [ARGUMENTS].

What can be had without systemd: an unprivileged user, no capability, no new privileges, the limits, and the filter of
system calls. A call outside the filter kills the process, where systemd would refuse it, so that none goes unnoticed.
"""
import ctypes
import errno
import os
import pwd
import resource
import subprocess
import sys

import seccomp

USER = "nobody"
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
PROT_WRITE, PROT_EXEC = 2, 4
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}


def settings(unit):
    """[Service] of a unit: name -> values in order."""
    found, section = {}, None
    with open(unit, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("["):
                section = line
            elif section == "[Service]" and line and not line.startswith("#"):
                name, value = line.split("=", 1)
                found.setdefault(name, []).append(value)
    return found


def calls(name):
    """System calls of a set of systemd."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name], check=True, capture_output=True, text=True)
    members = [line.strip() for line in done.stdout.splitlines() if line.startswith(" ") and not line.strip().startswith("#")]
    return set().union(*map(calls, members))


def allowed(values):
    """What systemd makes of SystemCallFilter= lines: the first says what is allowed, ~ takes away."""
    found = calls("@default")
    for value in values:
        taken = set().union(*map(calls, value.lstrip("~").split()))
        found = found - taken if value.startswith("~") else found | taken
    return found


def filter_of(service):
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    refused = seccomp.ERRNO(errno.EPERM)
    for call in allowed(service["SystemCallFilter"]) - {"socket", "mmap", "mprotect"}:
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except RuntimeError:
            pass  # of another machine
    for family in service["RestrictAddressFamilies"][0].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, FAMILIES[family]))
    for family in set(range(1, 46)) - set(FAMILIES.values()):
        rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
    assert service["MemoryDenyWriteExecute"] == ["yes"]
    for protection in 0, PROT_WRITE, PROT_EXEC:
        rules.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, protection))
    rules.add_rule(refused, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC))
    rules.add_rule(seccomp.ALLOW, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0))
    rules.add_rule(refused, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
    return rules


def main():
    service = settings(sys.argv[1])
    rules = filter_of(service)
    user = pwd.getpwnam(USER)
    libc = ctypes.CDLL(None, use_errno=True)
    files = int(service.get("LimitNOFILE", ["4096"])[0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(int(service["UMask"][0], 8))
    assert service["CapabilityBoundingSet"] == [""] and service["NoNewPrivileges"] == ["yes"]
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    rules.load()
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
