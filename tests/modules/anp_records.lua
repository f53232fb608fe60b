-- What modules may do with records, as tests call it with their own.

function bins(rec)
    local found = map()
    for _, name in ipairs(record.bin_names(rec)) do
        found[name] = rec[name]
    end
    return found
end

function about(rec)
    return map{
        exists = aerospike:exists(rec), gen = record.gen(rec), ttl = record.ttl(rec), set = record.setname(rec),
        key = record.key(rec), digest = record.digest(rec), numbins = record.numbins(rec)
    }
end

function echo(rec, ...)
    return ...
end

function types(rec, ...)
    local found = list()
    for _, v in ipairs{...} do
        list.append(found, math.type(v) or type(v))
    end
    return found
end

-- Sets bins from a map, with create or update as the record needs it.
function put(rec, values)
    for name, value in map.pairs(values) do
        rec[name] = value
    end
    if aerospike:exists(rec) then
        return aerospike:update(rec)
    end
    return aerospike:create(rec)
end

function create(rec)
    rec.a = 1
    return aerospike:create(rec)
end

function update(rec)
    rec.a = 2
    return aerospike:update(rec)
end

function remove(rec)
    return aerospike:remove(rec)
end

function copy(rec, from, to)
    rec[to] = rec[from]
    return aerospike:update(rec)
end

function drop_bin(rec, name)
    rec[name] = nil
    return aerospike:update(rec)
end

function set_without_update(rec)
    rec.a = 99
    return rec.a
end

function append_twice(rec, value)
    list.append(rec.l, value)
    list.append(rec.l, value) -- the same list
    local n = list.size(rec.l)
    rec.l = rec.l
    aerospike:update(rec)
    return n
end

function with_ttl(rec, ttl)
    rec.a = 1
    record.set_ttl(rec, ttl)
    return aerospike:update(rec)
end

function without_key(rec)
    rec.a = 1
    record.drop_key(rec)
    return aerospike:update(rec)
end

function fails_after_update(rec)
    rec.a = "kept"
    aerospike:update(rec)
    rec.a = "not handed over"
    error("too late")
end

function removes_and_creates(rec)
    aerospike:remove(rec)
    assert(not aerospike:exists(rec) and rec.a == nil)
    rec.b = 2
    return aerospike:create(rec)
end

function logs(rec)
    info("%s and %d", "text", 5)
    debug("x")
    trace("x")
    warn("x")
    aerospike:log(2, "x")
    return aerospike:get_current_time() > 1600000000000
end

counter = 0
function counts(rec)
    counter = counter + 1
    return counter
end

function random(rec)
    return list{math.random(1000000), math.random(1000000)}
end
