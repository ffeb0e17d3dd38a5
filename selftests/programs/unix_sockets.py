# SPDX-License-Identifier: GPL-2.0
# What a program sees of its AF_UNIX sockets, by the launcher and without: the same.
import array
import ctypes
import errno
import os
import socket
import stat
import struct
import subprocess
import sys

FOLDER = sys.argv[1]
NOBODY = 65534
SO_DOMAIN = 39
# Written by a program without the launcher, which is one of AF_UNIX whatever this is.
PLAIN = """
import socket, sys
stream, datagram = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
stream.bind(sys.argv[1]); stream.listen(); datagram.bind(sys.argv[2]); print("ready", flush=True)
for _ in range(2):
    data, sender = datagram.recvfrom(100)
    if sender:
        datagram.sendto(data.upper(), sender)
connection, _ = stream.accept()
connection.sendall(connection.recv(100).upper())
"""


def path(name):
    return os.path.join(FOLDER, name)


def new(kind=socket.SOCK_STREAM):
    return socket.socket(socket.AF_UNIX, kind)


def bound(name, kind=socket.SOCK_STREAM):
    made = new(kind)
    made.bind(name)
    if kind != socket.SOCK_DGRAM:
        made.listen()
    return made


def connected(name, kind=socket.SOCK_STREAM):
    made = new(kind)
    made.connect(name)
    return made


def fails(number, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno == number, "%s instead of %s" % (error, errno.errorcode[number])
    else:
        raise AssertionError("no error instead of %s" % errno.errorcode[number])


def meet(listener, name):
    """Whether who connects to the name is accepted there."""
    client = connected(name)
    server, _ = listener.accept()
    client.sendall(b"here")
    assert server.recv(10) == b"here"
    return client, server


def names():
    name = path("a")
    listener = bound(name)
    assert listener.getsockname() == name
    assert listener.getsockopt(socket.SOL_SOCKET, SO_DOMAIN) == socket.AF_UNIX
    # Also where there is room for less than a number.
    whole = socket.AF_UNIX.to_bytes(4, sys.byteorder)
    assert listener.getsockopt(socket.SOL_SOCKET, SO_DOMAIN, 1) == whole[:1]
    assert stat.S_ISSOCK(os.stat(name).st_mode)
    with open("/proc/net/qsock" if "LD_PRELOAD" in os.environ else "/proc/net/unix") as table:
        assert name in table.read()
    client, server = meet(listener, name)
    assert (client.getpeername(), server.getsockname()) == (name, name)
    assert (client.getsockname(), server.getpeername()) == ("", "")
    fails(errno.EADDRINUSE, new().bind, name)
    fails(errno.EADDRINUSE, listener.bind, name)
    fails(errno.EINVAL, listener.bind, path("b"))
    assert not os.path.exists(path("b"))
    fails(errno.EPROTOTYPE, connected, name, socket.SOCK_DGRAM)
    # However it is spelled, renamed, linked.
    os.chdir(FOLDER)
    meet(listener, "./a")
    os.symlink(name, path("symbolic"))
    meet(listener, path("symbolic"))
    os.rename(name, path("renamed"))
    fails(errno.ENOENT, connected, name)
    assert meet(listener, path("renamed"))[0].getpeername() == name
    os.link(path("renamed"), path("linked"))
    os.unlink(path("renamed"))
    meet(listener, path("linked"))
    # A file of the same name is another.
    os.unlink(path("linked"))
    other = bound(path("linked"))
    meet(other, path("linked"))
    other.close()
    fails(errno.ECONNREFUSED, connected, path("linked"))
    fails(errno.ENOENT, bound, path("nowhere/a"))
    with open(path("file"), "w"):
        fails(errno.ECONNREFUSED, connected, path("file"))
    long = path("l" * (107 - len(path(""))))
    meet(bound(long), long)


def lengths():
    """A buffer that is shorter than the address gets what fits, and the whole length is told."""
    name = path("length")
    server = bound(name, socket.SOCK_DGRAM)
    whole = struct.pack("H", socket.AF_UNIX) + name.encode() + b"\0"
    libc = ctypes.CDLL(None, use_errno=True)
    for room in 0, 1, 2, 3, 9, len(whole), 110:
        for call in "getsockname", "recvfrom":
            buffer, length = (ctypes.c_char * 112)(*[b"\xaa"] * 112), ctypes.c_int(room)
            if call == "getsockname":
                result = libc.getsockname(server.fileno(), buffer, ctypes.byref(length))
            else:
                server.sendto(b"x", name)
                data = ctypes.create_string_buffer(8)
                result = libc.recvfrom(server.fileno(), data, 8, 0, buffer, ctypes.byref(length))
            fits = whole[:room]
            assert (result >= 0, length.value) == (True, len(whole)), (call, room, result, length.value)
            assert buffer.raw == fits + b"\xaa" * (112 - len(fits)), (call, room, buffer.raw)
    length = ctypes.c_int(-1)
    assert libc.getsockname(server.fileno(), ctypes.create_string_buffer(112), ctypes.byref(length)) == -1
    assert ctypes.get_errno() == errno.EINVAL


def permissions():
    os.chmod(FOLDER, 0o755)
    name = path("mode")
    os.umask(0o022)
    listener = bound(name)
    assert stat.S_IMODE(os.stat(name).st_mode) == 0o755
    os.seteuid(NOBODY)
    fails(errno.EACCES, connected, name)
    fails(errno.EACCES, connected, name, socket.SOCK_DGRAM)
    os.seteuid(0)
    # Also of one that nobody listens at any more.
    bound(path("gone")).close()
    os.seteuid(NOBODY)
    fails(errno.EACCES, connected, path("gone"))
    os.seteuid(0)
    fails(errno.ECONNREFUSED, connected, path("gone"))
    os.chmod(name, 0o777)
    os.seteuid(NOBODY)
    meet(listener, name)
    os.seteuid(0)
    os.chmod(name, 0o600)
    os.chown(name, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    meet(listener, name)
    os.seteuid(0)
    # What a program without the launcher takes away is gone too.
    for given, taken in (0o777, "755"), (0o755, "555"):
        os.umask(0o777 & ~given)
        other = path("mode" + taken)
        listener = bound(other)
        os.chown(other, NOBODY if given == 0o755 else 0, -1)
        os.seteuid(NOBODY)
        meet(listener, other)
        os.seteuid(0)
        subprocess.run(["chmod", taken, other], env={"PATH": os.environ["PATH"]}, check=True)
        os.seteuid(NOBODY)
        fails(errno.EACCES, connected, other)
        os.seteuid(0)
    os.umask(0o022)


def datagrams():
    server, client = bound(path("server"), socket.SOCK_DGRAM), bound(path("client"), socket.SOCK_DGRAM)
    client.sendto(b"question", path("server"))
    data, sender = server.recvfrom(100)
    assert (data, sender) == (b"question", path("client"))
    server.sendmsg([b"answer"], [], 0, sender)
    data, _, _, sender = client.recvmsg(100)
    assert (data, sender) == (b"answer", path("server"))
    nameless = new(socket.SOCK_DGRAM)
    nameless.sendto(b"x", path("server"))
    assert server.recvfrom(10)[1] in ("", None)
    fails(errno.ENOENT, nameless.sendto, b"x", path("nobody"))
    nameless.bind("")
    nameless.sendto(b"x", path("server"))
    assert len(server.recvfrom(10)[1]) == 6
    client.connect(path("server"))
    client.send(b"x")
    client.close()
    stream, _ = socket.socketpair()
    fails(errno.EISCONN, stream.sendto, b"x", path("server"))


def abstract():
    listener = bound("\0programs/abstract")
    assert listener.getsockname() == b"\0programs/abstract"
    client, _ = meet(listener, "\0programs/abstract")
    assert client.getpeername() == b"\0programs/abstract"
    fails(errno.ECONNREFUSED, connected, "\0programs/nobody")


def options():
    one, two = socket.socketpair()
    for value in (1, 0):
        two.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, value)
        assert two.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED) == value
    peer = struct.unpack("3i", one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    assert peer == (os.getpid(), os.geteuid(), os.getegid())


def descriptors():
    """A listener that is passed, and one that another program inherits."""
    listener = bound(path("passed"))
    one, two = socket.socketpair()
    socket.send_fds(one, [b"x"], [listener.fileno()])
    listener.close()
    _, fds, _, _ = socket.recv_fds(two, 10, 1)
    passed = socket.socket(fileno=fds[0])
    assert (passed.family, passed.getsockname()) == (socket.AF_UNIX, path("passed"))
    meet(passed, path("passed"))
    code = ("import socket; s = socket.socket(fileno=%d); print(s.family == socket.AF_UNIX, s.getsockname());"
            "s.accept()[0].sendall(b'inherited')" % passed.fileno())
    os.set_inheritable(passed.fileno(), True)
    child = subprocess.Popen([sys.executable, "-c", code], close_fds=False, stdout=subprocess.PIPE)
    client = connected(path("passed"))
    assert client.recv(100) == b"inherited"
    assert child.communicate()[0].decode() == "True %s\n" % path("passed")
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))
    one.sendmsg([b"y"], [rights])
    assert two.recvmsg(10, 100)[0] == b"y"


def others():
    """Who was not started by the launcher is reached too."""
    names = path("plain-stream"), path("plain-datagram")
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    server = subprocess.Popen([sys.executable, "-c", PLAIN, *names], env=environment, stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    new(socket.SOCK_DGRAM).sendto(b"nameless", names[1])
    client = bound(path("plain-client"), socket.SOCK_DGRAM)
    client.settimeout(30)
    client.sendto(b"named", names[1])
    assert client.recvfrom(100) == (b"NAMED", names[1])
    stream = new()
    stream.settimeout(30)
    stream.connect(names[0])
    stream.sendall(b"bytes")
    assert stream.recv(100) == b"BYTES"
    assert server.wait() == 0
    fails(errno.ECONNREFUSED, connected, names[0])


for test in names, lengths, permissions, datagrams, abstract, options, descriptors, others:
    try:
        test()
    except Exception as error:
        raise AssertionError(test.__name__) from error
