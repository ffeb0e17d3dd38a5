# SPDX-License-Identifier: GPL-2.0
# multiprocessing: a listener at a path, a manager, a pipe whose end is passed to another process.
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Client, Listener
from multiprocessing.managers import BaseManager

FOLDER, COUNT = sys.argv[1], int(sys.argv[2])


def remove(path):
    if os.path.exists(path):
        os.unlink(path)
    return path


def echo(path, count):
    with Listener(path, "AF_UNIX", authkey=b"key") as listener, listener.accept() as connection:
        for _ in range(count):
            connection.send(connection.recv())


def over_listener():
    path = remove(os.path.join(FOLDER, "listener.sock"))
    process = multiprocessing.Process(target=echo, args=(path, COUNT))
    process.start()
    while not os.path.exists(path):
        time.sleep(0.01)
    for _ in range(100):
        try:
            connection = Client(path, "AF_UNIX", authkey=b"key")
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    start = time.perf_counter()
    for number in range(COUNT):
        message = {"number": number, "bytes": b"x" * (number % 3000)}
        connection.send(message)
        assert connection.recv() == message
    seconds = time.perf_counter() - start
    process.join()
    assert process.exitcode == 0
    return COUNT / seconds


def use(pipe):
    # The end of a second pipe comes through the first, by SCM_RIGHTS.
    end = pipe.recv()
    end.send(os.getpid())
    end.close()


def pass_a_pipe(context):
    here, there = context.Pipe()
    ours, theirs = context.Pipe()
    process = context.Process(target=use, args=(there,))
    process.start()
    here.send(theirs)
    theirs.close()
    assert ours.poll(30), "nothing came through the pipe that was passed"
    assert ours.recv() == process.pid
    process.join()
    assert process.exitcode == 0


class Store(dict):
    pass


class Manager(BaseManager):
    pass


Manager.register("Store", Store, exposed=["__setitem__", "__getitem__"])


def over_manager():
    with Manager(address=remove(os.path.join(FOLDER, "manager.sock")), authkey=b"key") as manager:
        store = manager.Store()
        for number in range(20):
            store.__setitem__(number, str(number))
        assert [store.__getitem__(number) for number in range(20)] == [str(n) for n in range(20)]


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    multiprocessing.set_start_method("fork")
    pass_a_pipe(context)
    over_manager()
    print("rate", over_listener())
