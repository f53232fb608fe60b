-- What modules may do with lists. Each function fails, or returns true.

local function same(l, ...)
    local want = {...}
    assert(list.size(l) == #want, tostring(l))
    for i = 1, #want do
        assert(l[i] == want[i], tostring(l))
    end
end

function makes_lists(rec)
    same(list())
    same(list{1, "two", 3.5, true}, 1, "two", 3.5, true)
    same(list.create(10))
    assert(list.create() == nil)
    assert(#list{1, 2, 3} == 3)
    assert(type(list{1}) == "userdata")
    return true
end

function reads_and_sets_elements(rec)
    local l = list{1, 2, 3}
    assert(l[0] == nil and l[4] == nil and l[-1] == nil)
    l[2] = "b"
    same(l, 1, "b", 3)
    l[0] = 9
    l[-1] = 9
    same(l, 1, "b", 3)
    l[5] = "e" -- what is between is nil
    assert(#l == 5 and l[4] == nil and l[5] == "e")
    return true
end

function appends_prepends_and_inserts(rec)
    local l = list()
    list.append(l, 2)
    list.append(l, 3)
    list.prepend(l, 1)
    same(l, 1, 2, 3)
    list.insert(l, 2, "x")
    same(l, 1, "x", 2, 3)
    list.insert(l, 5, "end")
    same(l, 1, "x", 2, 3, "end")
    list.insert(l, 0, "nowhere")
    same(l, 1, "x", 2, 3, "end")
    return true
end

function nil_is_an_element(rec)
    local l = list{1}
    list.append(l, nil)
    list.append(l, 3)
    assert(#l == 3 and l[2] == nil and l[3] == 3)
    local n = 0
    for i = 1, #l do n = n + (l[i] or 0) end
    assert(n == 4)
    return true
end

function removes_and_trims(rec)
    local l = list{1, 2, 3, 4, 5}
    list.remove(l, 2)
    same(l, 1, 3, 4, 5)
    list.remove(l, 9)
    list.remove(l, 0)
    same(l, 1, 3, 4, 5)
    list.trim(l, 3)
    same(l, 1, 3)
    list.trim(l, 9)
    list.trim(l, 0)
    same(l, 1, 3)
    list.trim(l, 1)
    same(l)
    return true
end

function takes_and_drops(rec)
    local l = list{1, 2, 3}
    same(list.take(l, 2), 1, 2)
    same(list.take(l, 9), 1, 2, 3)
    same(list.drop(l, 2), 3)
    same(list.drop(l, 9))
    assert(list.take(l, 0) == nil and list.drop(l, -1) == nil and list.take(l) == nil)
    same(list.take(l, 1, nil), 1)
    same(l, 1, 2, 3)
    return true
end

function joins_and_copies(rec)
    local a, b = list{1, 2}, list{3}
    same(list.merge(a, b), 1, 2, 3)
    same(a, 1, 2)
    list.concat(a, b)
    same(a, 1, 2, 3)
    list.concat(a, a)
    same(a, 1, 2, 3, 1, 2, 3)
    local inner = list{1}
    local c = list.clone(list{inner})
    list.append(c[1], 2)
    same(inner, 1, 2) -- what is inside is shared
    return true
end

function walks(rec)
    local found = ""
    for v in list.iterator(list{"a", "b", "c"}) do
        found = found .. v
    end
    assert(found == "abc")
    for v in list.iterator(list()) do
        error("there is nothing")
    end
    return true
end

function says_what_is_in_it(rec)
    assert(tostring(list{1, "a", list{true}}) == 'List(1, "a", List(true))')
    assert(list.tostring(list()) == "List()")
    assert(list.nbytes(list{1, 2}) == 3)
    return true
end

function what_no_server_can_store_is_refused(rec)
    for _, bad in ipairs{{1}, print, rec} do
        local l = list{1}
        assert(not pcall(list.append, l, bad))
        assert(not pcall(list.insert, l, 1, bad))
        assert(not pcall(function() l[1] = bad end))
        assert(not pcall(list, {bad}))
        same(l, 1)
    end
    assert(not pcall(list.append, {}, 1))
    assert(not pcall(list.append, map(), 1))
    assert(not pcall(list.size))
    return true
end
