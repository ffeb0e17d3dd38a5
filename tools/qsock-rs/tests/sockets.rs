// SPDX-License-Identifier: GPL-2.0
//! The crate against the module: `make test SUITE=programs` runs this in a guest.

use qsock::{AncillaryData, NameOptions, Owner, SocketAddr, SocketAncillary, UCred};
use qsock::{QsockDatagram, QsockListener, QsockStream};
use std::fs::File;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Seek, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

/// A name that no other test has.
fn name(of: &str) -> String {
    format!("qsock-rs/{}/{of}", std::process::id())
}

/// A pipe: what is read of it, and what is written.
fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: There is room for two descriptors, which are ours then.
    let [reader, writer] = unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        ends.map(|fd| File::from_raw_fd(fd))
    };
    (reader, writer)
}

#[test]
fn a_stream_carries_bytes_both_ways() {
    let listener = QsockListener::bind(name("stream")).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, from) = listener.accept().unwrap();
        assert!(from.is_unnamed());
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        stream.write_all(text.to_uppercase().as_bytes()).unwrap();
    });
    let mut client = QsockStream::connect(name("stream")).unwrap();
    let peer = client.peer_addr().unwrap();
    assert_eq!(peer, SocketAddr::new(name("stream")).unwrap());
    assert!(client.local_addr().unwrap().is_unnamed());
    client.write_all(b"some bytes").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "SOME BYTES");
    server.join().unwrap();
}

#[test]
fn incoming_does_not_end() {
    let listener = QsockListener::bind(name("incoming")).unwrap();
    let clients: Vec<_> = (0..3)
        .map(|_| QsockStream::connect(name("incoming")).unwrap())
        .collect();
    let accepted: Vec<_> = listener.incoming().take(3).collect();
    assert!(accepted.iter().all(Result::is_ok));
    drop(clients);
}

#[test]
fn errors_are_those_of_std() {
    let kind = |result: std::io::Result<QsockStream>| result.unwrap_err().kind();
    assert_eq!(
        kind(QsockStream::connect(name("nobody"))),
        ErrorKind::ConnectionRefused
    );
    assert_eq!(kind(QsockStream::connect("")), ErrorKind::InvalidInput);
    let listener = QsockListener::bind(name("taken")).unwrap();
    let again = QsockListener::bind(name("taken")).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(listener);
    // A name goes with its socket.
    QsockListener::bind(name("taken")).unwrap();
    let (one, two) = QsockStream::pair().unwrap();
    drop(two);
    assert_eq!(
        (&one).write(b"x").unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    assert!(one.take_error().unwrap().is_none());
}

#[test]
fn timeouts_hold() {
    let (one, _two) = QsockStream::pair().unwrap();
    assert_eq!(one.read_timeout().unwrap(), None);
    let time = Duration::from_millis(1500);
    one.set_read_timeout(Some(time)).unwrap();
    one.set_write_timeout(Some(time)).unwrap();
    let near = |got: Option<Duration>| got.is_some_and(|got| got.abs_diff(time) < time / 100);
    assert!(near(one.read_timeout().unwrap()) && near(one.write_timeout().unwrap()));
    one.set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let error = (&one).read(&mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let zero = one.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
    assert_eq!(zero.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_clone_is_the_same_socket() {
    let (one, two) = QsockStream::pair().unwrap();
    let again = two.try_clone().unwrap();
    assert_ne!(two.as_raw_fd(), again.as_raw_fd());
    drop(two);
    (&one).write_all(b"abc").unwrap();
    let mut buffer = [0; 3];
    assert_eq!(again.peek(&mut buffer).unwrap(), 3);
    let again = QsockStream::from(OwnedFd::from(again));
    (&again).read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"abc");
}

#[test]
fn datagrams_keep_their_ends() {
    let server = QsockDatagram::bind(name("server")).unwrap();
    let client = QsockDatagram::bind(name("client")).unwrap();
    client.send_to(b"one", name("server")).unwrap();
    client.connect(name("server")).unwrap();
    client.send(b"two, longer").unwrap();
    let mut buffer = [0; 5];
    let (len, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!((len, &buffer[..3]), (3, &b"one"[..]));
    assert_eq!(from.name(), Some(name("client").as_bytes()));
    assert_eq!(server.peek_from(&mut buffer).unwrap().0, 5);
    let mut buffers = [IoSliceMut::new(&mut buffer)];
    let mut none = SocketAncillary::new(0);
    let (len, cut, sender) = server
        .recv_vectored_with_ancillary_from(&mut buffers, &mut none)
        .unwrap();
    assert_eq!((len, cut), (5, true));
    assert_eq!(sender, from);
    server.send_to_addr(b"back", &from).unwrap();
    assert_eq!(client.recv(&mut buffer).unwrap(), 4);
    let refused = server.send_to(b"x", name("gone")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn descriptors_and_credentials_go_along() {
    let (one, two) = QsockStream::pair().unwrap();
    two.set_passcred(true).unwrap();
    assert!(two.passcred().unwrap());
    let (mut reader, writer) = pipe();
    let room = SocketAncillary::room_for_fds(1) + SocketAncillary::room_for_creds();
    let mut sent = SocketAncillary::new(room);
    assert!(sent.add_fds(&[writer.as_fd()]));
    let own = one.peer_cred().unwrap();
    assert_eq!(own.pid, std::process::id() as i32);
    assert!(sent.add_creds(own));
    let buffers = [IoSlice::new(b"he"), IoSlice::new(b"re")];
    assert_eq!(
        one.send_vectored_with_ancillary(&buffers, &sent).unwrap(),
        4
    );
    drop(writer);

    let mut buffer = [0; 9];
    let mut got = SocketAncillary::new(room);
    let mut buffers = [IoSliceMut::new(&mut buffer)];
    assert_eq!(
        two.recv_vectored_with_ancillary(&mut buffers, &mut got)
            .unwrap(),
        4
    );
    assert!(!got.truncated());
    let (mut files, mut cred) = (Vec::new(), None);
    for message in got.messages() {
        match message {
            AncillaryData::ScmRights(fds) => files.extend(fds),
            AncillaryData::ScmCredentials(found) => cred = Some(found),
            _ => {}
        }
    }
    assert_eq!(cred, Some(own));
    assert_eq!(files.len(), 1);
    let mut writer = File::from(files.remove(0));
    writer.write_all(b"through the pipe").unwrap();
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through the pipe");
}

#[test]
fn descriptors_that_nobody_takes_are_closed() {
    let (one, two) = QsockDatagram::pair().unwrap();
    let (mut reader, writer) = pipe();
    let mut sent = SocketAncillary::new(SocketAncillary::room_for_fds(1));
    assert!(sent.add_fds(&[writer.as_fd()]));
    for _ in 0..2 {
        one.send_vectored_with_ancillary(&[IoSlice::new(b"x")], &sent)
            .unwrap();
    }
    drop(writer);
    let mut got = SocketAncillary::new(SocketAncillary::room_for_fds(1));
    let mut byte = [0];
    two.recv_vectored_with_ancillary(&mut [IoSliceMut::new(&mut byte)], &mut got)
        .unwrap();
    // Room for none of them.
    let mut small = SocketAncillary::new(0);
    two.recv_vectored_with_ancillary(&mut [IoSliceMut::new(&mut byte)], &mut small)
        .unwrap();
    assert!(small.truncated() && !got.truncated());
    drop(got);
    let mut rest = Vec::new();
    assert_eq!(reader.read_to_end(&mut rest).unwrap(), 0);
}

#[test]
fn others_credentials_are_refused() {
    let (one, _two) = QsockStream::pair().unwrap();
    let mut sent = SocketAncillary::new(SocketAncillary::room_for_creds());
    let nobody = UCred {
        pid: i32::MAX,
        uid: 0,
        gid: 0,
    };
    assert!(sent.add_creds(nobody));
    one.send_vectored_with_ancillary(&[IoSlice::new(b"x")], &sent)
        .unwrap_err();
}

#[test]
fn a_name_has_a_mode_and_an_owner() {
    let addr = SocketAddr::from_abstract_name(name("mode")).unwrap();
    let listener = NameOptions::new().mode(0o600).listen(&addr).unwrap();
    assert_eq!(listener.name_mode().unwrap(), 0o600);
    listener.set_name_mode(0o660).unwrap();
    assert_eq!(listener.name_mode().unwrap(), 0o660);
    let owner = listener.name_owner().unwrap();
    // SAFETY: They have no preconditions.
    let own = unsafe { (libc::geteuid(), libc::getegid()) };
    assert_eq!((owner.uid, owner.gid), own);
    let same = Owner {
        uid: Owner::SAME,
        gid: own.1,
    };
    listener.set_name_owner(same).unwrap();
    assert_eq!(listener.name_owner().unwrap(), owner);
    let datagram = NameOptions::new().mode(0o700).datagram(&addr).unwrap();
    assert_eq!(datagram.name_mode().unwrap(), 0o700);
    QsockStream::connect_addr(&addr).unwrap();
}

#[test]
fn the_kernel_chooses_a_name() {
    let socket = QsockDatagram::bind_addr(&SocketAddr::unnamed()).unwrap();
    let addr = socket.local_addr().unwrap();
    assert_eq!(addr.as_abstract_name().map(<[u8]>::len), Some(5));
}

#[test]
fn a_file_is_written_by_who_received_it() {
    let (one, two) = QsockDatagram::pair().unwrap();
    let path = std::env::temp_dir().join(format!("qsock-rs-{}", std::process::id()));
    let mut file = File::options()
        .create_new(true)
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut sent = SocketAncillary::new(SocketAncillary::room_for_fds(1));
    assert!(sent.add_fds(&[file.as_fd()]));
    one.send_vectored_with_ancillary(&[IoSlice::new(b"x")], &sent)
        .unwrap();
    let mut got = SocketAncillary::new(SocketAncillary::room_for_fds(1));
    let mut byte = [0];
    two.recv_vectored_with_ancillary(&mut [IoSliceMut::new(&mut byte)], &mut got)
        .unwrap();
    for message in got.messages() {
        if let AncillaryData::ScmRights(fds) = message {
            let mut received = File::from(fds.into_iter().next().unwrap());
            received.write_all(b"from there").unwrap();
        }
    }
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "from there");
}
