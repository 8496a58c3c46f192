//! nginx with one worker, sending one file from its open-file cache.

use std::path::Path;

use crate::Outcome;
use crate::process::Server;

/// Serves a folder that it is given.
pub(crate) fn serve(folder: &Path, content: &[u8]) -> Outcome<Server> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("prompt-block"), content)?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let root = folder.display();
    let config = format!(
        "worker_processes 1; daemon off; master_process off; pid {root}/pid; error_log {root}/errors;\n\
         user root;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n\
           access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 600;\n\
           open_file_cache max=16; open_file_cache_valid 600;\n\
           default_type text/markdown;\n\
           client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;\n\
           uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
           server {{ listen 127.0.0.1:{port}; root {root}; }}\n\
         }}\n"
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, config)?;
    Server::start(
        &["nginx", "-c", &path.to_string_lossy()],
        Some(format!("127.0.0.1:{port}")),
    )
}
