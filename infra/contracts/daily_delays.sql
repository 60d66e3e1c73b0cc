-- Departures of each day (in UTC, as the flights lie in their months) and airport, and the weather that they had.
SELECT
    CAST(time_hour AS DATE) AS day,
    origin,
    count(*) AS flights,
    sum(CASE WHEN cancelled THEN 1 ELSE 0 END) AS cancelled,
    avg(dep_delay) AS mean_delay,
    max(dep_delay) AS longest_delay,
    sum(CASE WHEN dep_delay > 15 THEN 1 ELSE 0 END) AS late,
    sum(CASE WHEN precip > 0 THEN 1 ELSE 0 END) AS in_rain,
    avg(CASE WHEN precip > 0 THEN dep_delay END) AS mean_delay_in_rain,
    sum(CASE WHEN wind_speed >= 20 THEN 1 ELSE 0 END) AS in_wind,
    count(DISTINCT dest) AS destinations
FROM nyc.flights_enriched
GROUP BY 1, 2
