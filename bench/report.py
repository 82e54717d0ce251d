"""Numbers as people read them: medians with their spread, ratios beside their targets."""
import json
import os
import statistics
import subprocess


def spread(values, digits=2):
    """median (min..max)"""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}..{max(values):.{digits}f})"


def ratios(ours, theirs):
    """Pair by pair, so that what slows the machine for a while slows both."""
    return [a / b for a, b in zip(ours, theirs)]


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def target(values, limit, better="at most"):
    met = (statistics.median(values) <= limit) == (better == "at most")
    return f"target {better} {limit:.2f}: {'met' if met else 'missed'}"


def _said(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "?"


def machine(root, build, folder):
    """What figures belong to: the machine, the commit, the versions."""
    model = "?"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    disk = _said("stat", "-f", "-c", "%T", folder)
    commit = _said("git", "-C", root, "describe", "--always", "--dirty", "--abbrev=10")
    flags = {one["name"]: one["value"] for one in json.loads(_said("meson", "introspect", build, "--buildoptions"))}
    load = os.getloadavg()[0]
    versions = [_said("/usr/sbin/nginx", "-v").removeprefix("nginx version: "), _said("redis-server", "--version").split(" sha")[0],
                _said("/usr/lib/postgresql/15/bin/postgres", "--version"), _said("gcc", "--version")]
    return [f"machine: {model}, {os.cpu_count()} cores, Linux {os.uname().release}, {disk}; load average at the start {load:.1f}",
            f"commit {commit}, -O{flags['optimization']}{' with LTO' if flags['b_lto'] else ''}; " + "; ".join(versions)]
