SELECT sum(trips) AS trips, station FROM test.daily GROUP BY station
