"""What ops/up and ops/down do, in order."""
import argparse
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.request

from service import Failure, interrupt_on_every_end, uninterrupted, wait_for
from state import REPOSITORY, State, say

DEMO_TARGET = "https://shop.example/"
PEOPLE = {"owner": ("owner@demo.example", "Demo owner"), "partner": ("partner@demo.example", "Demo partner")}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="ops", description="Builds, starts and stops a whole Clickledger on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", prog="ops/up", description="Installs what is missing, builds, starts private Redis and PostgreSQL, migrates, "
                             "starts all programs and seeds a demo programme. May be run again at any time: it starts what has died.")
    up.add_argument("--port", type=int, metavar="N", help="port of the tracker (default 8080)")
    up.add_argument("--api-port", type=int, metavar="N", help="port of the api (default: the tracker's + 1)")
    up.add_argument("--workers", type=int, metavar="N", help="worker processes of the tracker (default 2)")
    up.add_argument("--detach", action="store_true", help="return when everything is ready; stop it later with ops/down")
    down = commands.add_parser("down", prog="ops/down", description="Stops everything that ops/up started and keeps the data.")
    for command in up, down:
        command.add_argument("--state", default=os.path.join(REPOSITORY, ".state"), metavar="DIR", help="folder of this installation (default .state)")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        commands.choices[options.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def check_options(options):
    for name, low, high in ("port", 1024, 65500), ("api_port", 1024, 65500), ("workers", 1, 64):
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            raise Failure(f"--{name.replace('_', '-')} must be between {low} and {high}")
    if options.port and options.port == options.api_port:
        raise Failure("--port and --api-port must differ")


def private_file(path, text, state):
    """Writes a file that only its owner can read; programs of the state may own it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    state.give(path)


def keys(state):
    """The secrets of the demo programme, made once, kept in a 0600 file of the state."""
    path = os.path.join(state.folder, "keys.json")
    known = {}
    if os.path.exists(path):
        with open(path) as file:
            known = json.load(file)
    made = {"postback_key": "cl_post_" + secrets.token_hex(16), "admin_key": "cl_team_" + secrets.token_hex(16),
            "partner_key": "cl_partner_" + secrets.token_hex(16),
            "owner_password": secrets.token_urlsafe(18), "partner_password": secrets.token_urlsafe(18), **known}
    if made != known:
        aside = path + ".new"
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(made, file)
        os.rename(aside, path)
    return made


def configure(state):
    settings = state.settings
    if not os.path.exists(state.path("click_keys")):
        private_file(state.path("click_keys"), f"0 {secrets.token_hex(16)}\n", state)
    private_file(state.path("clickledger.conf"), f"""\
# Written by ops/up. All options: ops/clickledger.conf.example
[redis]
address = {state.path('run', 'redis.sock')}

[postgres]
conninfo = host={state.path('run')} port=5432 dbname=clickledger

[tracker]
host = 127.0.0.1
port = {settings['port']}
admin_port = {settings['tracker_admin_port']}
workers = {settings['workers']}
state = {state.path('tracker')}
pid_file = {state.path('run', 'tracker.own.pid')}
drain = 20s
click_keys = {state.path('click_keys')}

[ingest]
admin_port = {settings['ingest_admin_port']}

[attrib]
admin_port = {settings['attrib_admin_port']}
seal_heads = {state.path('attrib', 'seal_heads')}

[api]
host = 127.0.0.1
port = {settings['api_port']}
admin_port = {settings['api_admin_port']}
web = {state.path('build', 'web')}
tracker_url = http://127.0.0.1:{settings['port']}
public_url = http://127.0.0.1:{settings['api_port']}
""", state)


def seed(state):
    """A demo programme with one partner, link, code, postback key; only into a database that has no programme."""
    if state.psql("cl_owner", "-c", "select exists (select from clickledger.program)") == "t":
        return
    say("seeding the demo programme")
    variables = [f"{name}={hashlib.sha256(key.encode()).hexdigest()}" for name, key in keys(state).items() if name.endswith("_key")]
    state.psql("cl_owner", "--single-transaction", *[word for variable in variables for word in ("-v", variable)],
               "-v", f"target={DEMO_TARGET}", "-f", os.path.join(REPOSITORY, "ops", "seed.sql"))


def seed_people(state):
    """An owner and a person of the demo partner, where they have no password yet; through the api, as everybody sets a first one."""
    for who, (email, name) in PEOPLE.items():
        role, partner, source = ("'owner'", "null", "") if who == "owner" else ("null", "id", "from clickledger.partner where name = 'Demo partner'")
        token = state.psql("cl_owner", "-c", f"""
            select clickledger.person_invite('{email}', '{name}', {role}, {partner}) from (select {partner} as id {source} limit 1) as found
            where not exists (select from clickledger.person where email = '{email}' and password_hash is not null)""")
        if token:
            call(state, "/v1/password/new", {"token": token, "password": keys(state)[who + "_password"]})


def call(state, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{state.settings['api_port']}{path}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer.read()
    except OSError as error:
        raise Failure(f"POST {path}: {error}; see {state.path('log', 'api.log')}") from error


def catalog_has_arrived(state):
    """Whether every tracker worker answers by the newest catalog that PostgreSQL knows."""
    waiting = state.psql("cl_owner", "-c", "select exists (select from clickledger.catalog_change)")
    newest = state.psql("cl_owner", "-c", "select coalesce(max(revision), 0) from clickledger.catalog_record")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{state.settings['tracker_admin_port']}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return False
    revisions = [line.split()[-1] for line in lines if line.startswith("clickledger_tracker_catalog_revision")]
    return waiting == "f" and revisions and all(int(float(revision)) >= int(newest) for revision in revisions)


def print_addresses(state):
    settings, secret = state.settings, keys(state)
    tracker = f"http://127.0.0.1:{settings['port']}"
    admins = [f"{program}_admin=http://127.0.0.1:{settings[program + '_admin_port']}" for program in ("tracker", "ingest", "attrib", "api")]
    lines = (f"tracker={tracker}", *admins, f"api=http://127.0.0.1:{settings['api_port']}", f"link={tracker}/c/demo",
             f"postback={tracker}/postback/{secret['postback_key']}",
             f"postgres={state.conninfo('cl_analyst')}", f"postgres_owner={state.conninfo('cl_owner')}",
             f"redis={state.path('run', 'redis.sock')}", f"admin_key={secret['admin_key']}",
             f"partner_key={secret['partner_key']}", f"cabinet=http://127.0.0.1:{settings['api_port']}/",
             *[f"{who}_{what}" for who, (email, _) in PEOPLE.items() for what in (f"email={email}", f"password={secret[who + '_password']}")],
             "ready")
    print("\n".join(lines), flush=True)


def up(options):
    check_options(options)
    state = State(options.state)
    state.open()
    state.check_space(state.folder)
    state.choose(options)
    state.make_home()
    started = []
    try:
        bring_up(state, started)
    except BaseException:  # whatever it was: nothing is left half up
        with uninterrupted():
            stop(started)
        raise
    with uninterrupted() as interrupts:
        print_addresses(state)
        if not options.detach:
            state.close()  # so that ops/up and ops/down work from another terminal
            wait_for_end(state, interrupts)
            state.open(wait=True)
            stop(state.services())
        interrupts.clear()


def bring_up(state, started):
    """Builds, starts what is not running, and notes in `started` what that was."""
    services = {service.name: service for service in state.services()}
    state.check_ports(services)
    state.build()
    configure(state)
    for service in services.values():
        if not service.pid():
            say(f"starting {service.name}")
            started.append(service)
        if service.name == "postgres":
            state.start_postgres(service)
            state.migrate()
            seed(state)
        else:
            service.start()
    seed_people(state)
    wait_for("the tracker's catalog", lambda: catalog_has_arrived(state), 30)


def wait_for_end(state, interrupts):
    """Until somebody asks for the end, here or by ops/down elsewhere."""
    say("running; Ctrl-C stops everything and keeps the data")
    services = state.services()
    while not interrupts:
        if not any(service.pid() for service in services):
            say("nothing runs any more: it was stopped from elsewhere")
            return
        time.sleep(0.2)


def stop(services):
    for service in reversed(services):
        if service.stop():
            say(f"stopped {service.name}")


def down(options):
    if not os.path.isdir(options.state):
        raise Failure(f"there is no state folder {options.state}")
    state = State(options.state)
    if not os.path.exists(state.settings_path):
        raise Failure(f"{options.state} holds no installation")
    state.open()
    stop(state.services())


def main():
    options = parse(sys.argv[1:])
    interrupt_on_every_end()
    try:
        {"up": up, "down": down}[options.command](options)
    except Failure as failure:
        say(f"ops/{options.command}: {failure}")
        return 1
    except KeyboardInterrupt:
        say(f"ops/{options.command}: interrupted")
        return 130
    except OSError as error:
        say(f"ops/{options.command}: {error.filename or 'output'}: {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
