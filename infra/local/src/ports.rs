//! Which port the emulator listens on.

use crate::{Error, Result};
use std::net::{Ipv4Addr, TcpListener};

/// Tried first, since it is what people of local clouds look for.
pub const USUAL: u16 = 4566;

/// The wanted port if it is free, or else an error that says so.
pub fn wanted(port: u16) -> Result<u16> {
    if is_free(port) {
        return Ok(port);
    }
    Err(
        Error::new(format!("port {port} on 127.0.0.1 is taken by another program")).help(format!(
            "stop that program (`ss -ltnp 'sport = :{port}'` names it), or give another port with --port"
        )),
    )
}

/// The usual port, or else any that is free.
pub fn any() -> Result<u16> {
    if is_free(USUAL) { Ok(USUAL) } else { unusual() }
}

/// A port that is free now, picked by the system.
pub fn unusual() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::doing("no port is free on 127.0.0.1"))?;
    Ok(listener.local_addr().map_err(Error::doing("127.0.0.1"))?.port())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_said_plainly() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = wanted(port).unwrap_err().to_string();
        assert!(
            error.contains(&format!("port {port}")) && error.contains("--port"),
            "{error}"
        );
        assert_ne!(any().unwrap(), port);
    }
}
