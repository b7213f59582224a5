//! Clients that mean harm: they get the page's process into trouble at most, and no part is late for them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::{ANSWER_MAX, address, get, send, with_page};
use crate::service::Service;
use crate::station::{check_laws, endless};

/// More than the page has places for.
const SLOW_CLIENTS: usize = 200;

#[test]
fn slow_clients_endless_heads_and_garbage_cost_no_part_its_time() {
    let service = Service::start(with_page(endless()));
    let address = address(&service);
    let first = service.wait_until(|status| status["parts"]["failed"].as_u64() > Some(0));

    let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    let mut endless_head = TcpStream::connect(&address).expect("the system takes it");
    let field = [b"X-Long: ".as_slice(), &[b'a'; 1024], b"\r\n"].concat();
    let mut sent = endless_head.write_all(b"GET / HTTP/1.1\r\n");
    for _ in 0..10 * 1024 {
        sent = sent.and_then(|()| endless_head.write_all(&field));
    }
    let error = sent.expect_err("nobody reads ten megabytes of a head");
    assert!(gone.contains(&error.kind()), "{error}");

    // They begin a request and never end it.
    let slow: Vec<TcpStream> = (0..SLOW_CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).expect("the system takes it");
            // One that found no place may be closed already.
            let begun = stream.write_all(b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
            drop(begun);
            stream
        })
        .collect();

    // Slow ones are shown out, so that others find a place again.
    for mut stream in slow {
        stream
            .set_read_timeout(Some(ANSWER_MAX))
            .expect("a time to wait");
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert!(gone.contains(&error.kind()), "{error}"),
        }
        assert!(
            !rest.starts_with(b"HTTP/1.1 200"),
            "a request without an end has no answer"
        );
    }
    for garbage in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(400),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET http://[::1 HTTP/1.1\r\nHost: [\r\n\r\n".to_vec(),
    ] {
        let mut stream = TcpStream::connect(&address).expect("somebody listens");
        stream
            .set_read_timeout(Some(ANSWER_MAX))
            .expect("a time to wait");
        let mut answer = Vec::new();
        let spoken = stream
            .write_all(&garbage)
            .and_then(|()| stream.read_to_end(&mut answer));
        assert!(spoken.is_ok() || gone.contains(&spoken.expect_err("an error").kind()));
        assert!(
            !answer.starts_with(b"HTTP/1.1 200"),
            "{:?}",
            answer.get(..40)
        );
    }
    assert_eq!(get(&address, "/api/state").0, 200);

    let triggered = |status: &serde_json::Value| status["parts"]["triggered"].as_u64();
    service.wait_until(|status| triggered(status) > triggered(&first));
    assert_eq!(service.answer("status")["page"]["restarts"], 0);
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    for reason in ["late", "inspector", "overrun"] {
        let so = parts.iter().find(|part| part["reason"] == reason);
        // What was under way when the station began, or was stopped, has had no chance.
        assert!(so.is_none() || reason == "inspector", "{so:?}");
    }
    assert_eq!(summary["inspector_restarts"], 0);
}

#[test]
fn a_request_with_something_in_it_is_the_last_of_its_connection() {
    let service = Service::start(with_page(endless()));
    let address = address(&service);
    let smuggled = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: 44\r\n\r\n\
         GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n"
    );
    let answer = String::from_utf8_lossy(&send(&address, smuggled.as_bytes())).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    service.stop();
}
