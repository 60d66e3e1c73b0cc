SELECT station, count(*) AS trips FROM test.trips GROUP BY station
