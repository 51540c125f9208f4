"""What goes wrong: processes of one private server killed, stopped, replaced.
Only processes that belong to this server are touched: the master its pid file
names, its children, and the Redis of the same directory."""

import glob
import os
import re
import shutil
import signal
import subprocess
import time

SLOW = float(os.environ.get("COS_TEST_SLOW") or 1)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


class Server:
    def __init__(self, root, directory, port, options):
        self.root, self.dir, self.port = root, directory, port
        self.options = options        # of cosdev up
        self.counts = {}
        self.log = []                 # (time, what)
        self.tool = None

    # --- processes -----------------------------------------------------------

    def pid(self, name):
        text = read("%s/%s.pid" % (self.dir, name)).strip()
        where = self.dir + ("/redis" if name == "redis" else "")
        try:
            if text and os.readlink("/proc/%s/cwd" % text) == where:
                return int(text)
        except OSError:
            pass
        return None

    def children(self, what):
        master = self.pid("nginx")
        found = []
        for path in glob.glob("/proc/[0-9]*/stat"):
            fields = read(path).rpartition(")")[2].split()
            if len(fields) > 1 and fields[1] == str(master):
                pid = path.split("/")[2]
                if what in read("/proc/%s/cmdline" % pid):
                    found.append(int(pid))
        return found

    @staticmethod
    def kill(pid, sig=signal.SIGKILL):
        try:
            os.kill(pid, sig)
            return True
        except (OSError, TypeError):
            return False

    @staticmethod
    def gone(pid, seconds=20):
        until = time.monotonic() + seconds * SLOW
        while time.monotonic() < until:
            state = read("/proc/%d/stat" % pid).rpartition(")")[2].split()
            if not state or state[0] == "Z":
                return True
            time.sleep(0.01)
        return False

    def socket(self):
        return re.search('^unixsocket "(.*)"',
                         read(self.dir + "/conf/redis.conf"), re.M).group(1)

    def start_redis(self):
        subprocess.run(["redis-server", self.dir + "/conf/redis.conf"],
                       check=True, stdout=subprocess.DEVNULL)
        sock = self.socket()
        until = time.monotonic() + 20 * SLOW
        while time.monotonic() < until:
            r = subprocess.run(["redis-cli", "-s", sock, "ping"],
                               capture_output=True, text=True, check=False)
            if "PONG" in r.stdout:
                return
            time.sleep(0.05)
        raise RuntimeError("Redis does not start")

    def start_nginx(self):
        nginx = os.environ.get("COSDEV_NGINX") or shutil.which("nginx") \
            or "/usr/sbin/nginx"
        env = dict(os.environ)
        if env.get("COSDEV_STATIC"):
            for name in ("ASAN", "UBSAN"):
                extra = "detect_leaks=0:abort_on_error=0:" \
                    if name == "ASAN" else "print_stacktrace=1:"
                env[name + "_OPTIONS"] = extra + "log_path=%s/logs/%s" \
                    % (self.dir, name.lower())
        wrap = env.get("COSDEV_WRAP", "").split()
        for _ in range(20):
            r = subprocess.run(wrap + [nginx, "-p", self.dir + "/", "-c",
                                       self.dir + "/conf/nginx.conf"],
                               cwd=self.dir, env=env, check=False)
            if r.returncode == 0:
                break
            time.sleep(0.2)
        else:
            raise RuntimeError("nginx does not start")
        until = time.monotonic() + 10 * SLOW
        while time.monotonic() < until and self.pid("nginx") is None:
            time.sleep(0.01)

    def cosdev(self, command, *options):
        r = subprocess.run([self.root + "/tools/cosdev", command, "--dir",
                            self.dir] + list(options), check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        if r.returncode != 0:
            raise RuntimeError("cosdev %s: %s" % (command, r.stdout))

    def up(self):
        self.cosdev("up", "--port", str(self.port), *self.options)

    def down(self):
        self.cosdev("down")

    # --- faults ------------------------------------------------------------------

    def fault(self, rng):
        what = rng.choices(
            ["worker", "master", "redis", "manager", "reload", "pause",
             "both", "workers", "compact"],
            [5, 3, 4, 3, 3, 4, 1, 1, 4])[0]
        self.log.append((time.monotonic(), what))
        self.counts[what] = self.counts.get(what, 0) + 1
        getattr(self, "do_" + what)(rng)
        self.log.append((time.monotonic(), what + " over"))

    def do_worker(self, rng):
        pids = self.children("worker process")
        if pids:
            self.kill(rng.choice(pids))

    def do_workers(self, _rng):
        for pid in self.children("worker process"):
            self.kill(pid)

    def do_manager(self, _rng):
        for pid in self.children("cache manager"):
            self.kill(pid)

    def do_master(self, rng):
        master = self.pid("nginx")
        if master is None:
            return
        pids = [master] + self.children("")
        # the master first, or it would start others
        for pid in pids:
            self.kill(pid)
        for pid in pids:
            self.gone(pid)
        time.sleep(rng.choice([0, 0.2, 1]))
        self.start_nginx()

    def do_redis(self, rng):
        pid = self.pid("redis")
        if pid is None:
            return
        self.kill(pid)
        self.gone(pid)
        time.sleep(rng.choice([0, 0, 0.3, 1.5]))
        self.start_redis()

    def do_both(self, rng):
        """Redis while it is needed most: in the midst of a recovery."""
        self.do_workers(rng)
        time.sleep(rng.random() * 3)
        self.do_redis(rng)

    def do_compact(self, rng):
        """One that an operator runs; sometimes it is killed as well."""
        if self.tool is None or self.tool.poll() is not None:
            self.tool = subprocess.Popen(
                [self.root + "/tools/cosctl", "compact"] + self.where(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if rng.random() < 0.5:
                return
            time.sleep(rng.random())
        self.tool.kill()

    def where(self):
        return ["--data", self.dir + "/data", "--redis",
                "unix:" + self.socket()]

    def do_reload(self, _rng):
        self.kill(self.pid("nginx"), signal.SIGHUP)

    def do_pause(self, rng):
        pid = self.pid("redis")
        if pid is None:
            return
        self.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(rng.choice([0.2, 0.9, 1.3, 2]))
        finally:
            self.kill(pid, signal.SIGCONT)

    def crash(self):
        """Everything at once."""
        pids = [self.pid("nginx"), self.pid("redis")] + self.children("")
        for pid in pids:
            self.kill(pid)
        for pid in pids:
            self.gone(pid)

    def lose_redis(self):
        """Redis comes back empty."""
        shutil.rmtree(self.dir + "/redis")
        os.mkdir(self.dir + "/redis", 0o700)
        self.start_redis()

    def whole(self):
        """Everything runs again."""
        if self.tool is not None:
            self.tool.kill()
            self.tool.wait()
        if self.pid("redis") is None:
            self.start_redis()
        self.kill(self.pid("redis"), signal.SIGCONT)
        if self.pid("nginx") is None:
            self.start_nginx()
