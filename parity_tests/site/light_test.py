"""Claims about what is taken out of the pages: nothing that is read."""

from parity_tests.site.light import lightened

PAGE = """\
<body>
    <dl><dt class="field-odd">note<span class="colon">:</span></dt>
    <dd class="field-odd"><p>two <b>words</b></p>
    </dd></dl>
    <p><code class="docutils literal notranslate"><span class="pre">tf.nn</span> \
<span class="pre">x</span></code></p>
    <pre><span class="n">a</span><span class="o">=</span><span class="p">(</span><span class="mi">2</span>
        <span class="k">if</span></pre>
</body>
"""
LIGHT = """\
<body>
<dl><dt>note:</dt>
<dd>two <b>words</b></dd></dl>
<p><code class="literal">tf.nn x</code></p>
<pre>a=(2
        <span class="k">if</span></pre>
</body>
"""


def test_text_and_what_is_preformatted_stay():
    assert lightened(PAGE) == LIGHT


def test_what_is_light_stays():
    assert lightened(LIGHT) == LIGHT


def test_a_long_name_in_a_table_breaks_between_its_words():
    cell = '<td><p><code class="literal">tf.train.AdamOptimizer</code>, <code>a.b</code></p></td>'
    light = lightened(cell)
    assert "tf.<wbr>train.<wbr>AdamOptimizer" in light
    assert "<code>a.b</code>" in light
    assert light.replace("<wbr>", "") == cell
    assert lightened(light) == light
    outside = "<p><code>tf.train.AdamOptimizer</code></p>"
    assert lightened(outside) == outside
