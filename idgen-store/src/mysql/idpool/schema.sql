-- As idpool's operators make them, but for the unsigned columns of claims.

CREATE TABLE IF NOT EXISTS id_pool (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    start_pos BIGINT UNSIGNED NOT NULL,
    end_pos BIGINT UNSIGNED NOT NULL,
    current_pos BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS id_pool_claim (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    start_pos BIGINT UNSIGNED NOT NULL,
    end_pos BIGINT UNSIGNED NOT NULL,
    claimed_at BIGINT NOT NULL
) ENGINE = InnoDB
