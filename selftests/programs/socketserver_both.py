# SPDX-License-Identifier: GPL-2.0
# socketserver: a threading stream server that checks who asks, and a datagram server that answers the sender's name.
import os
import socket
import socketserver
import struct
import sys
import threading
import time

FOLDER, COUNT = sys.argv[1], int(sys.argv[2])


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        credentials = self.request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        assert struct.unpack("3i", credentials)[0] == os.getpid()
        for line in self.rfile:
            self.wfile.write(line.upper())


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, server = self.request
        server.sendto(data[::-1], self.client_address)


def path(name):
    name = os.path.join(FOLDER, name)
    if os.path.exists(name):
        os.unlink(name)
    return name


def running(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


stream = running(socketserver.ThreadingUnixStreamServer(path("stream.sock"), Stream))
datagram = running(socketserver.UnixDatagramServer(path("datagram.sock"), Datagram))
assert stream.server_address.endswith("stream.sock"), stream.server_address

start = time.perf_counter()
for number in range(COUNT // 4):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(stream.server_address)
        with client.makefile("rwb", buffering=0) as file:
            for part in range(3):
                file.write(b"line %d\n" % part)
                assert file.readline() == b"LINE %d\n" % part

name = path("client.sock")
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
    client.bind(name)
    for number in range(COUNT // 4):
        message = b"%d datagrams" % number
        client.sendto(message, datagram.server_address)
        data, server = client.recvfrom(100)
        assert (data, server) == (message[::-1], datagram.server_address), (data, server)
print("rate", COUNT / (time.perf_counter() - start))
stream.shutdown()
datagram.shutdown()
