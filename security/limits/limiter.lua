-- One request against all of its buckets: it spends each of them, or none.
-- The rule is security/core/gcra.py; the clock is the server's, so that processes agree.
--
-- KEYS  one per bucket
-- ARGV  interval_us and burst_size of each bucket, in turn
-- Reply {allowed, first, now_us, full_at_us of each bucket as it was found};
--       first: the refusing bucket has refused nothing else for a minute.

local function keep(key, full_at, now)
  local keep_ms = math.ceil((full_at - now) / 1000)
  redis.call('SET', key, string.format('%.0f', full_at), 'PX', string.format('%.0f', keep_ms))
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local reply = {1, 0, now}
local spent, refusing = {}, nil

for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local full_at = tonumber(redis.call('GET', key) or '0')
  reply[3 + i] = full_at
  if full_at > now + burst * interval then
    full_at = now + burst * interval
    keep(key, full_at, now)
  end
  spent[i] = math.max(full_at, now) + interval
  if spent[i] > now + burst * interval then
    refusing = refusing or key
  end
end

if refusing then
  reply[1] = 0
  local mark = refusing .. ':refused'
  -- It would stay until the time of a clock that was ahead.
  if redis.call('PTTL', mark) > 60000 then
    redis.call('DEL', mark)
  end
  if redis.call('SET', mark, '1', 'NX', 'EX', '60') then
    reply[2] = 1
  end
  return reply
end

for i, key in ipairs(KEYS) do
  keep(key, spent[i], now)
end
return reply
