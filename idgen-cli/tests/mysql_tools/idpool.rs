//! `idgen idpool` on the original's tables and configuration file.

use crate::Database;
use crate::clients::{Http, once};
use crate::harness::{Place, Server};

fn start(place: &Place, database: &Database) -> Server {
    let text = format!(
        "server:\n  http:\n    addr: 127.0.0.1:0\n    timeout: 1s\ndata:\n  mysql:\n    dsn: {}\n  \
         redis:\n    addrs:\n      - 127.0.0.1:6379\n",
        database.dsn()
    );
    place.file("config.yaml", &text);
    place.server_of(&["idpool", "-conf", place.path().to_str().unwrap()])
}

#[test]
fn it_serves_the_operators_pool() {
    let (place, database) = (Place::new(), Database::new());
    let columns = "start_pos BIGINT UNSIGNED NOT NULL, end_pos BIGINT UNSIGNED NOT NULL";
    let key = "id BIGINT AUTO_INCREMENT PRIMARY KEY";
    database.sql(&format!(
        "CREATE TABLE id_pool ({key}, {columns}, current_pos BIGINT UNSIGNED NOT NULL)"
    ));
    database.sql(&format!("CREATE TABLE id_pool_claim ({key}, {columns}, claimed_at BIGINT)"));
    database.sql(
        "INSERT INTO id_pool (start_pos, end_pos, current_pos) \
         VALUES (1, 18446744073709551615, 1)",
    );
    let server = start(&place, &database);
    let mut http = Http::connect(server.addr("idpool")).unwrap();
    for id in 1..=3 {
        assert_eq!(http.pool_id().unwrap(), id);
    }
    for (method, path) in [("GET", "/api/v1/newID"), ("POST", "/id/x"), ("GET", "/healthz")] {
        let answer = once(server.addr("idpool"), method, path);
        assert_eq!((answer.status, &*answer.body), (404, "404 page not found"), "{path}");
    }
    assert!(server.log().contains("server.http.timeout"), "{}", server.log());
    let claimed = database.sql("SELECT MAX(end_pos) FROM id_pool_claim").unwrap();
    assert!(claimed > 3, "claims are written as the original does: {claimed}");
    server.stop();
    let server = start(&place, &database);
    let next = Http::connect(server.addr("idpool")).unwrap().pool_id().unwrap();
    assert_eq!(next, claimed);
}
