# SPDX-License-Identifier: GPL-2.0
# A service and a client on one bus, in two processes: calls, a descriptor in a message, and who the bus says they are.
import os
import sys
import tempfile
import time

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return
from jeepney.bus_messages import DBus, message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

BUS, WHAT, COUNT = "unix:path=" + sys.argv[1], sys.argv[2], int(sys.argv[3])
NAME = "org.example.Service%d" % os.getpid()
SERVICE = DBusAddress("/service", bus_name=NAME, interface="org.example.Service")


def serve(ready):
    connection = open_dbus_connection(BUS, enable_fds=True)
    Proxy(message_bus, connection).RequestName(NAME)
    os.write(ready, b"x")
    while True:
        call = connection.receive()
        if call.header.message_type is not MessageType.method_call:
            continue
        member = call.header.fields[HeaderFields.member]
        if member == "End":
            return
        if member == "Read":
            # The client gave a descriptor: what is in its file?
            with call.body[0].to_file("rb") as file:
                reply = new_method_return(call, "ay", (file.read(),))
        else:
            reply = new_method_return(call, "s", call.body)
        connection.send(reply)


def check(connection, child):
    secret = os.urandom(5000)
    with tempfile.TemporaryFile() as file:
        file.write(secret)
        file.seek(0)
        reply = connection.send_and_get_reply(new_method_call(SERVICE, "Read", "h", (file,)))
    assert bytes(reply.body[0]) == secret, "the descriptor led elsewhere"
    asked = new_method_call(DBusAddress("/org/freedesktop/DBus", bus_name="org.freedesktop.DBus",
                                        interface="org.freedesktop.DBus"),
                            "GetConnectionCredentials", "s", (NAME,))
    credentials = connection.send_and_get_reply(asked).body[0]
    assert credentials["ProcessID"] == ("u", child), credentials
    assert credentials["UnixUserID"] == ("u", os.getuid()), credentials


def load(connection):
    start = time.perf_counter()
    for number in range(COUNT):
        text = "message %d" % number
        reply = connection.send_and_get_reply(new_method_call(SERVICE, "Echo", "s", (text,)))
        assert reply.body == (text,), reply.body
    print("rate", COUNT / (time.perf_counter() - start))


ready, signal = os.pipe()
child = os.fork()
if not child:
    serve(signal)
    os._exit(0)
assert os.read(ready, 1) == b"x"
connection = open_dbus_connection(BUS, enable_fds=True)
(check(connection, child) if WHAT == "check" else load(connection))
connection.send(new_method_call(SERVICE, "End"))
assert os.waitpid(child, 0)[1] == 0
