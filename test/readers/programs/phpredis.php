<?php
// phpredis, whose option for zstd decodes what it gets: `phpredis.php WAY FOLDER PORT LAYOUT...` prints a line of JSON for each.

[, , $folder, $port] = $argv;
$plain = new Redis();
$plain->connect("127.0.0.1", (int) $port);
$decoding = new Redis();
$decoding->connect("127.0.0.1", (int) $port);
$decoding->setOption(Redis::OPT_COMPRESSION, Redis::COMPRESSION_ZSTD);

foreach (array_slice($argv, 4) as $layout) {
    $plain->set($layout, file_get_contents("$folder/$layout"));
    $value = $decoding->get($layout);
    echo json_encode(
        is_string($value)
            ? ["layout" => $layout, "size" => strlen($value), "sha256" => hash("sha256", $value)]
            : ["layout" => $layout, "error" => "get gave " . json_encode($value)]
    ), "\n";
}
