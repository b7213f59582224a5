"""The host's end of a virtual device: boots it and runs commands in it.

    with Device("amd64", run, cache, limit_s=900) as device:
        print(device.say("uname -r"))
"""

import base64
import os
import select
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Four times what the slowest boot took that came to its end.
BOOT_MAX_S = 400
# A device that was told to power off gets this long before it is ended.
POWER_OFF_S = 20


class DeviceEnded(Exception):
    """The machine has ended, or its time is up."""


class CommandFailed(Exception):
    """A command in the device ended with another status than 0."""


class Answers:
    """What has come over the channel, cut into lines. Lines that are no answer are noise of the port."""

    def __init__(self):
        self.rest = b""
        self.known = {}

    def feed(self, data):
        """Takes bytes as they come."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            part = line.decode(errors="replace").split()
            if len(part) in (2, 3) and part[0].isdigit() and part[1].isdigit():
                output = base64.b64decode(part[2]) if len(part) == 3 else b""
                self.known[int(part[0])] = (int(part[1]), output.decode(errors="replace"))

    def take(self, ident):
        """The answer (status, output) to a request, or None if it has not come."""
        return self.known.pop(ident, None)


class Device:
    """A running device; ends its own machine and nothing else."""

    def __init__(self, architecture, run, cache, limit_s):
        self.run_folder = Path(run)
        self.deadline = time.monotonic() + limit_s
        self.asked = 0
        self.answers = Answers()
        self.log = open(self.run_folder / "qemu.log", "wb")
        self.command = [HERE / "boot", architecture, self.run_folder]
        self.environment = dict(os.environ, CACHE=str(cache))

    def __enter__(self):
        start = time.monotonic()
        try:
            self._boot(min(self.deadline, start + BOOT_MAX_S))
        except DeviceEnded as ended:
            # An emulated machine stands still in the first moments of its kernel now and then.
            print(f"the device has not come up: {ended}; it is booted again", flush=True)
            self._kill()
            self._boot(self.deadline)
        self.boot_s = time.monotonic() - start
        self.accelerator = (self.run_folder / "accelerator").read_text().strip()
        return self

    def _boot(self, until):
        self.socket = socket.socket(socket.AF_UNIX)
        (self.run_folder / "agent.sock").unlink(missing_ok=True)
        self.machine = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        try:
            while True:
                self._check_alive()
                try:
                    self.socket.connect(str(self.run_folder / "agent.sock"))
                    break
                except OSError:
                    time.sleep(0.1)
            self._answer(0, until)
        except BaseException as error:
            if not isinstance(error, DeviceEnded) or time.monotonic() > self.deadline:
                self._end()
            raise

    def _kill(self):
        self.machine.kill()
        self.machine.wait()
        self.socket.close()
        self.answers = Answers()

    def __exit__(self, *_):
        try:
            self._send("systemctl --no-block --force --force poweroff")
        except OSError:
            pass
        self._end()

    def run(self, command, limit_s=120):
        """Runs a bash command as root; returns its status and what it wrote."""
        self._send(command)
        return self._answer(self.asked, min(self.deadline, time.monotonic() + limit_s))

    def say(self, command, limit_s=120):
        """What a command that must succeed writes."""
        status, output = self.run(command, limit_s)
        if status != 0:
            raise CommandFailed(f"status {status} of: {command}\n{output}")
        return output.strip()

    def _send(self, command):
        self.asked += 1
        line = f"{self.asked} {base64.b64encode(command.encode()).decode()}\n"
        self.socket.sendall(line.encode())

    def _answer(self, ident, until):
        while (answer := self.answers.take(ident)) is None:
            self._check_alive()
            if time.monotonic() > until:
                raise DeviceEnded(f"the device has not answered request {ident} in time")
            if select.select([self.socket], [], [], 0.2)[0]:
                data = self.socket.recv(65536)
                if not data:
                    time.sleep(0.05)
                self.answers.feed(data)
        return answer

    def _check_alive(self):
        if self.machine.poll() is not None:
            said = (self.run_folder / "qemu.log").read_text(errors="replace")
            raise DeviceEnded(f"the machine has ended with status {self.machine.returncode}: {said[-2000:]}")
        if time.monotonic() > self.deadline:
            raise DeviceEnded("the device's time is up")

    def _end(self):
        try:
            self.machine.wait(POWER_OFF_S)
        except subprocess.TimeoutExpired:
            self.machine.kill()
            self.machine.wait()
        self.socket.close()
        self.log.close()
        (self.run_folder / "initrd").unlink(missing_ok=True)
