-- Trips of each day and station.
SELECT
    CAST(t.at AS DATE) AS day,
    coalesce(s.name, t.station) AS station,
    count(*) AS trips,
    avg(t.minutes) AS minutes
FROM test.trips t LEFT JOIN test.stations s ON s.code = t.station
GROUP BY 1, 2
