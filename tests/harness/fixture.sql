-- What most tests share. Chosen for its traps: equal last names, equal titles but for their case,
-- equal instants, %, _ and \ in texts, letters beyond ASCII, nulls, a customer without tickets,
-- one that is not active, an email address that another program wrote in mixed case.
INSERT INTO customers (id, first_name, last_name, email, phone, address1, address2, city, state, zip_code, notes, active, created_at, updated_at) VALUES
  (1, 'Ada', 'Lovelace', 'ada@example.com', '555-1234', '12 Engine Street', 'Apt 4', 'New York', 'NY', '10001', 'Prefers calls before 9', true, '2024-01-01 09:00:00', '2024-03-06 09:00:00'),
  (2, 'Grace', 'Hopper', 'grace@example.com', '(512) 555-0100', '1 Compiler Court', NULL, 'Austin', 'TX', '78701', NULL, true, '2024-01-02 09:00:00', '2024-03-05 09:00:00'),
  (3, 'Émile', 'Zola', 'emile@example.com', '+1 514 555 0199', '13 rue de Médan', NULL, 'Montréal', 'QC', 'K1A 0B1', '100% wool_coat, see C:\temp, ÉCRAN', true, '2024-01-03 09:00:00.250', '2024-03-04 09:00:00'),
  (4, 'Linus', 'Hopper', 'Linus.Hopper@Example.COM', '555-0101', '4 Kernel Lane', '', 'Dallas', 'TX', '75201', '', true, '2024-01-02 09:00:00', '2024-03-03 09:00:00'),
  (5, 'Margaret', 'Hamilton', 'margaret@example.com', '555-0102', '11 Apollo Avenue', NULL, 'Boston', 'MA', '02108', NULL, true, '2024-01-05 09:00:00', '2024-03-02 09:00:00'),
  (6, 'Ada', 'Byron', 'byron@example.com', '555-0103', '6 Poet Place', NULL, 'New York', 'NY', '10002', 'Moved away', false, '2024-01-06 09:00:00', '2024-03-01 09:00:00');

INSERT INTO tickets (id, customer_id, title, description, completed, tech, created_at, updated_at) VALUES
  (1, 1, 'Cracked screen', 'Glass is broken', false, 'Bea', '2024-02-01 09:00:00', '2024-03-19 09:00:00'),
  (2, 1, 'Battery swells', NULL, true, 'Chuck', '2024-02-01 09:00:00', '2024-03-18 09:00:00'),
  (3, 2, 'Wi-Fi drops', 'Only at 100% load', false, 'unassigned', '2024-02-02 10:00:00.250', '2024-03-17 09:00:00'),
  (4, 2, 'Écran noir', 'L''écran reste noir', false, 'Bea', '2024-02-03 08:00:00', '2024-03-16 09:00:00'),
  (5, 3, '50% slower', 'Since under_score was renamed', true, 'Chuck', '2024-02-03 23:59:59.999', '2024-03-15 09:00:00'),
  (6, 3, 'under_score key stuck', NULL, false, 'Zoë', '2024-02-04 00:00:00', '2024-03-14 09:00:00'),
  (7, 3, 'C:\temp fills up', 'A back\slash in every name', false, 'unassigned', '2024-02-05 12:00:00', '2024-03-13 09:00:00'),
  (8, 4, 'cracked Screen', 'Corner only', true, 'Bea', '2024-02-05 12:00:00', '2024-03-12 09:00:00'),
  (9, 4, 'Keyboard unresponsive', NULL, false, 'Bea', '2024-02-06 09:00:00', '2024-03-11 09:00:00'),
  (10, 4, 'Keyboard unresponsive', 'Again', false, 'Chuck', '2024-02-07 09:00:00', '2024-03-10 09:00:00'),
  (11, 1, 'Fan noise', 'A loud ÉCRAN hum', true, 'unassigned', '2024-02-08 09:00:00', '2024-03-09 09:00:00'),
  (12, 1, 'Screen flickers', NULL, false, 'Bea', '2024-02-09 09:00:00', '2024-03-08 09:00:00'),
  (13, 6, 'Data recovery', 'Disk clicks', true, 'Chuck', '2024-02-10 09:00:00', '2024-03-07 09:00:00'),
  (14, 2, 'underXscore mouse', 'Survived 1000 load cycles', false, 'Zoë', '2024-02-11 09:00:00', '2024-03-06 09:00:00');

