-- What modules may do with maps. Each function fails, or returns true.

local function text(m)
    local found = ""
    for k, v in map.pairs(m) do
        found = found .. tostring(k) .. "=" .. tostring(v) .. ";"
    end
    return found
end

function makes_maps(rec)
    assert(map.size(map()) == 0)
    local m = map{a = 1, [2] = "two"}
    assert(#m == 2 and m.a == 1 and m["a"] == 1 and m[2] == "two" and m.none == nil)
    assert(map.size(map.create(5)) == 0 and map.create(0) == nil)
    return true
end

function sets_and_removes(rec)
    local m = map()
    m.a = 1
    m[1] = "one"
    m.a = 2
    assert(#m == 2 and m.a == 2)
    m.a = nil
    assert(#m == 1 and m.a == nil)
    m.a = nil
    map.remove(m, 1)
    map.remove(m, "none")
    assert(#m == 0)
    return true
end

function keys_are_in_order_whatever_their_type(rec)
    local m = map()
    for _, k in ipairs{"b", 10, "a", -1, 9} do
        m[k] = true
    end
    assert(text(m) == "-1=true;9=true;10=true;a=true;b=true;")
    return true
end

function bytes_are_keys_by_what_is_in_them(rec)
    local function key() local b = bytes() bytes.append_string(b, "k") return b end
    local m = map()
    m[key()] = 1
    m[key()] = 2
    m["k"] = 3
    assert(#m == 2 and m[key()] == 2 and m.k == 3)
    return true
end

function walks(rec)
    local m = map{a = 1, b = 2, c = 3}
    assert(text(m) == "a=1;b=2;c=3;")
    local keys, values, again = "", 0, 0
    for k in map.keys(m) do keys = keys .. k end
    for v in map.values(m) do values = values + v end
    for k, v in map.iterator(m) do again = again + v end
    assert(keys == "abc" and values == 6 and again == 6)
    return true
end

function may_be_changed_while_it_is_walked(rec)
    local m = map{a = 1, b = 2, c = 3}
    for k, v in map.pairs(m) do
        m.b = nil
        m[k] = v * 10
        m["new" .. k] = 0
    end
    assert(text(m) == "a=10;c=30;newa=0;newc=0;", text(m))
    return true
end

function merges_differs_and_copies(rec)
    local a, b = map{x = 1, y = 2}, map{y = 20, z = 30}
    assert(text(map.merge(a, b)) == "x=1;y=20;z=30;")
    assert(text(map.merge(a, b, function(p, q) return p + q end)) == "x=1;y=22;z=30;")
    assert(text(map.diff(a, b)) == "x=1;z=30;")
    local c = map.clone(a)
    c.x = 9
    assert(a.x == 1 and c.x == 9 and c.y == 2)
    assert(text(a) == "x=1;y=2;" and text(b) == "y=20;z=30;")
    return true
end

function says_what_is_in_it(rec)
    assert(tostring(map{a = 1, b = list{2}}) == 'Map("a"->1, "b"->List(2))')
    assert(map.tostring(map()) == "Map()")
    assert(map.nbytes(map{a = 1}) == 5)
    return true
end

function what_no_server_can_store_is_refused(rec)
    local m = map{a = 1}
    for _, bad in ipairs{1.5, true, list(), map(), {}, print} do
        assert(not pcall(function() m[bad] = 1 end))
    end
    for _, bad in ipairs{{}, print} do
        assert(not pcall(function() m.a = bad end))
    end
    assert(m[nil] == nil and text(m) == "a=1;")
    assert(not pcall(map.size, list()))
    return true
end
