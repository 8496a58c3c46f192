//! Heads of requests that lie: about the host, the length, the method, who is asking; and what is no request at all.

use serde_json::json;

use super::{KEY, Target, tool_call};
use crate::chance::Chance;
use crate::program::Request;

const ROUTES: [&str; 6] = [
    "/v1/files/user/note.md?userId=alice",
    "/v1/files?userId=alice",
    "/v1/tools",
    "/v1/prompt-block?userId=alice",
    "/v1/revisions?userId=alice&path=user/note.md",
    "/v1/tools/memory_read/execute",
];

#[test]
fn no_other_host_or_page_is_answered() {
    let mut target = Target::new();
    let hosts = [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example:7171",
        "localhost, evil.example",
        "localhost/evil.example",
        "localhost\\evil.example",
        "localhost#.evil.example",
        "[::1",
        "[::1]evil.example",
        "127.0.0.1:99999x",
        "",
        " ",
        "10.0.0.1",
        "metadata.google.internal",
        "xn--locahost-kib",
        "loc\u{e4}lhost",
    ];
    for route in ROUTES {
        for host in hosts {
            let asked = [
                Request::new("GET", route).header("host", host),
                Request::new("GET", route)
                    .header("host", "localhost")
                    .header("host", host),
                Request::new("GET", route).header("origin", format!("http://{host}")),
                Request::new("GET", format!("http://{host}{route}")),
            ];
            for request in asked {
                if let Some(answer) = target.send(request) {
                    assert!((400..500).contains(&answer.status), "{host}: {answer}");
                }
            }
        }
        for origin in [
            "null",
            "file://",
            "http://localhost.evil.example",
            "https://evil.example",
            "javascript:alert(1)",
        ] {
            let answer = target.send(Request::new("GET", route).header("origin", origin));
            answer
                .expect("it answers")
                .refused(403, "ORIGIN_NOT_ALLOWED");
        }
    }
    target.assert_unharmed(400);
}

#[test]
fn nobody_comes_in_without_a_key() {
    let mut target = Target::new();
    let prefix: String = KEY.chars().take(10).collect();
    let credentials = [
        ("authorization", String::new()),
        ("authorization", "Bearer".to_owned()),
        ("authorization", "Bearer ".to_owned()),
        ("authorization", format!("Bearer {prefix}")),
        ("authorization", format!("Bearer {KEY}x")),
        ("authorization", format!("Bearer {KEY} x")),
        ("authorization", format!("Basic {KEY}")),
        ("authorization", KEY.to_owned()),
        ("authorization", format!("Bearer\u{a0}{KEY}")),
        ("x-api-key", format!("{KEY}, {KEY}")),
        ("x-api-key", KEY.to_uppercase()),
        ("x-api-key", "*".to_owned()),
        ("x-api-key", "x".repeat(50_000)),
        ("x-admin-secret", "secret".to_owned()),
        ("x-memex-admin-secret", "' OR 1=1 --".to_owned()),
        ("x-forwarded-for", "127.0.0.1".to_owned()),
        ("x-forwarded-user", "admin".to_owned()),
        ("x-original-url", "/health".to_owned()),
        ("x-http-method-override", "PUT".to_owned()),
        ("cookie", format!("key={KEY}")),
    ];
    let doors = [
        "/v1/admin/users",
        "/v1/local/execute",
        "/v1/memory_stores",
        "/mcp",
        "/metrics",
        "/health/../v1/files",
        "/ready/../v1/tools",
    ];
    for route in ROUTES.into_iter().chain(doors) {
        for (name, value) in &credentials {
            for method in ["GET", "POST", "PUT"] {
                let request = Request::new(method, route).header(name, value.clone());
                if let Some(answer) = target.send_as_it_is(request) {
                    assert!(matches!(answer.status, 401 | 400 | 431), "{name}: {answer}");
                }
            }
        }
    }
    target.assert_unharmed(700);
}

#[test]
fn no_method_and_no_header_confuses() {
    let mut target = Target::new();
    let methods = [
        "HEAD",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "POST",
        "PROPFIND",
        "MOVE",
        "COPY",
        "LOCK",
        "get",
        "G\u{45}T2",
        "PRI",
    ];
    for route in ROUTES {
        for method in methods {
            target.send(Request::new(method, route));
            target.send(
                Request::new(method, route)
                    .header("destination", "/v1/files/user/victim/secret.md"),
            );
        }
        for (name, value) in [
            ("content-type", "application/json; charset=utf-7"),
            ("content-type", "text/html"),
            ("content-type", "multipart/form-data; boundary=../../x"),
            ("content-encoding", "gzip"),
            ("transfer-encoding", "gzip"),
            ("accept", "*/*;q=999999999999999999999"),
            ("accept-encoding", "\u{1b}[31m"),
            ("if-match", "*\", \"x"),
            ("if-none-match", "W/\"*\""),
            ("range", "bytes=0-99999999999999999999"),
            ("idempotency-key", "../../victim"),
            ("expect", "200-ok"),
            ("upgrade", "h2c"),
            ("x-memory-user", "alice, victim"),
            ("x-memory-reason", "\u{7f}"),
        ] {
            for method in ["GET", "PUT", "PATCH", "POST", "DELETE"] {
                target.send(Request::new(method, route).header(name, value).body("{}"));
            }
        }
        let many = (0..100).fold(Request::new("GET", route), |request, number| {
            request.header(&format!("x-{number}"), "y")
        });
        target.send(many);
        target.send(Request::new("GET", route).header("x-large", "y".repeat(100_000)));
        let twice = Request::new("GET", route)
            .header("x-memory-user", "alice")
            .header("x-memory-user", "victim");
        target.send(twice);
    }
    target.assert_unharmed(600);
}

/// Two programs on a request's way may each believe another of its lengths; the second request hides in the first.
#[test]
fn no_request_hides_in_another() {
    let mut target = Target::new();
    let hidden = format!(
        "GET /v1/files/user/secret.md?userId=victim HTTP/1.1\r\nhost: localhost\r\nx-smuggled: {KEY}\r\n\r\n"
    );
    let lengths = [
        "content-length: 0\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ncontent-length: 5\r\n",
        "content-length: 5, 6\r\n",
        "content-length: +5\r\n",
        "content-length: -1\r\n",
        "content-length: 0x5\r\n",
        "content-length: 5 5\r\n",
        "content-length: 99999999999999999999999\r\n",
        "content-length:\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding:\tchunked\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding: \u{b}chunked\r\n",
        " transfer-encoding: chunked\r\n",
        "x: y\r\n transfer-encoding: chunked\r\n",
        "x: y\rtransfer-encoding: chunked\r\n",
        "x: y\ntransfer-encoding: chunked\r\n",
        "\0: y\r\n",
        "x\0y: z\r\n",
    ];
    let bodies = [
        "hello",
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5;x=y\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "-1\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "0\r\ntrailer: x\r\n\r\n",
    ];
    for length in lengths {
        for body in bodies {
            let head = format!(
                "PUT /v1/files/user/smuggled.md?userId=alice HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n{length}\r\n"
            );
            target.send_bytes(format!("{head}{body}{hidden}").as_bytes());
        }
    }
    target.assert_unharmed(180);
}

#[test]
fn what_is_no_http_gets_nothing() {
    let mut target = Target::new();
    let mut chance = Chance::new(7);
    let good = format!(
        "GET /v1/files/user/note.md?userId=alice HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n\r\n"
    );
    for at in 0..good.len() {
        // One byte wrong, one byte missing, and all kinds of bytes.
        let mut wrong = good.clone().into_bytes();
        wrong[at] = u8::try_from(chance.below(256)).unwrap();
        target.send_bytes(&wrong);
        wrong.remove(at);
        target.send_bytes(&[&wrong[..], b"\r\n\r\n"].concat());
    }
    for _ in 0..100 {
        let length = chance.below(300) + 1;
        let mut noise: Vec<_> = (0..length)
            .map(|_| u8::try_from(chance.below(256)).unwrap())
            .collect();
        noise.extend(b"\r\n\r\n");
        target.send_bytes(&noise);
    }
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"GET /health\r\n\r\n",
        b"GET  /health  HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/0.9\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\x00\x00\x00\r\n\r\n",
    ] {
        target.send_bytes(bytes);
    }
    let read = target.send(tool_call(
        "memory_read",
        "alice",
        &json!({ "path": "user/note.md" }),
    ));
    assert_eq!(read.expect("it answers").status, 200);
    target.assert_unharmed(300);
}
